internal import CYAML

/// What a YAML text is made of, one event after the other. The only file that knows libyaml, which
/// bounds the depth of nesting by itself (1,000) and keeps nothing but the open collections.
final class YAMLEvents {
  enum Event {
    case documentStart, documentEnd, streamEnd
    case alias
    case scalar(Scalar)
    case sequenceStart(Decoration), sequenceEnd
    case mappingStart(Decoration), mappingEnd
  }

  struct Scalar {
    let text: String
    /// Without quotes, and no block.
    let isPlain: Bool
    let decoration: Decoration
  }

  /// What stands before a node.
  struct Decoration {
    let hasAnchor: Bool
    /// Nil: none is given.
    let tag: String?
  }

  /// Of the last event, from 1.
  private(set) var line = 1
  /// libyaml keeps pointers to it and to the text.
  private let parser: UnsafeMutablePointer<yaml_parser_t>
  private let text: UnsafeMutableBufferPointer<UInt8>

  init(_ bytes: [UInt8]) {
    text = .allocate(capacity: bytes.count)
    _ = text.initialize(from: bytes)
    parser = .allocate(capacity: 1)
    parser.initialize(to: yaml_parser_t())
    precondition(yaml_parser_initialize(parser) == 1, "out of memory")
    yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
    yaml_parser_set_input_string(parser, text.baseAddress, text.count)
  }

  deinit {
    yaml_parser_delete(parser)
    parser.deallocate()
    text.deallocate()
  }

  /// Nothing may be asked after `streamEnd` or an error.
  func next() throws(YAMLError) -> Event {
    while true {
      var event = yaml_event_t()
      guard yaml_parser_parse(parser, &event) == 1 else { throw explanation() }
      defer { yaml_event_delete(&event) }
      line = Int(event.start_mark.line) + 1
      if let known = Self.event(event) { return known }
    }
  }

  /// Nil: nothing that matters.
  private static func event(_ event: yaml_event_t) -> Event? {
    switch event.type {
    case YAML_DOCUMENT_START_EVENT: return .documentStart
    case YAML_DOCUMENT_END_EVENT: return .documentEnd
    case YAML_STREAM_END_EVENT: return .streamEnd
    case YAML_ALIAS_EVENT: return .alias
    case YAML_SCALAR_EVENT:
      let scalar = event.data.scalar
      return .scalar(
        Scalar(
          text: String(
            decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length),
            as: UTF8.self),
          isPlain: scalar.style == YAML_PLAIN_SCALAR_STYLE,
          decoration: decoration(scalar.anchor, scalar.tag)))
    case YAML_SEQUENCE_START_EVENT:
      let start = event.data.sequence_start
      return .sequenceStart(decoration(start.anchor, start.tag))
    case YAML_SEQUENCE_END_EVENT: return .sequenceEnd
    case YAML_MAPPING_START_EVENT:
      let start = event.data.mapping_start
      return .mappingStart(decoration(start.anchor, start.tag))
    case YAML_MAPPING_END_EVENT: return .mappingEnd
    default: return nil
    }
  }

  private static func decoration(
    _ anchor: UnsafeMutablePointer<UInt8>?, _ tag: UnsafeMutablePointer<UInt8>?
  ) -> Decoration {
    Decoration(hasAnchor: anchor != nil, tag: tag.map { String(cString: $0) })
  }

  /// The library's texts are constants that quote nothing of the file.
  private func explanation() -> YAMLError {
    let problem = parser.pointee.problem.map { String(cString: $0) } ?? "it can't be read"
    let line = max(Int(parser.pointee.problem_mark.line), Int(parser.pointee.mark.line)) + 1
    return YAMLError(description: "is no YAML: \(problem) in line \(line)")
  }
}
