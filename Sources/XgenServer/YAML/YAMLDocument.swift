/// Why a text is no YAML that is taken here. The text never quotes values, which may be secrets.
struct YAMLError: Error, Equatable, Sendable, CustomStringConvertible {
  let description: String
}

/// What bounds a YAML document.
struct YAMLLimits: Sendable {
  var maxBytes = 1024 * 1024
  var maxDepth = 32
  /// Scalars, sequences and mappings.
  var maxNodes = 50_000
}

/// One YAML document as JSON: the subset of YAML that configuration files of Kubernetes use.
///
/// Scalars are told apart by the core schema (YAML 1.2 §10.3.2), so that `no` and `0755` stay what
/// they look like. Mappings have strings as names, each once. Anchors, aliases, merge keys and tags
/// are refused: they make a small file large.
enum YAMLDocument {
  /// An empty document is null. Blocks.
  static func parse(
    _ bytes: [UInt8], limits: YAMLLimits = YAMLLimits()
  ) throws(YAMLError) -> JSONValue {
    guard bytes.count <= limits.maxBytes else {
      throw YAMLError(description: "is over \(limits.maxBytes) bytes")
    }
    guard String(validating: bytes, as: UTF8.self) != nil, !bytes.contains(0) else {
      throw YAMLError(description: "is no UTF-8 text")
    }
    var reader = YAMLReader(YAMLEvents(bytes), limits)
    return try reader.document()
  }
}

/// Makes JSON of a document's events, and counts what it holds before it is kept.
private struct YAMLReader {
  private let events: YAMLEvents
  private let limits: YAMLLimits
  private var nodes = 0

  init(_ events: YAMLEvents, _ limits: YAMLLimits) {
    self.events = events
    self.limits = limits
  }

  mutating func document() throws(YAMLError) -> JSONValue {
    guard case .documentStart = try events.next() else { return .null }
    let root = try value(try events.next(), depth: 0)
    guard case .documentEnd = try events.next(), case .streamEnd = try events.next() else {
      throw fault("holds more than one document")
    }
    return root
  }

  private mutating func value(
    _ event: YAMLEvents.Event, depth: Int
  ) throws(YAMLError) -> JSONValue {
    nodes += 1
    guard depth <= limits.maxDepth, nodes <= limits.maxNodes else {
      throw fault("nests too deep or has too many parts")
    }
    switch event {
    case .scalar(let scalar): return try value(scalar)
    case .sequenceStart(let decoration):
      try refuse(decoration, but: "seq")
      var elements: [JSONValue] = []
      while true {
        let next = try events.next()
        if case .sequenceEnd = next { return .array(elements) }
        elements.append(try value(next, depth: depth + 1))
      }
    case .mappingStart(let decoration):
      try refuse(decoration, but: "map")
      return try members(depth: depth + 1)
    case .alias: throw fault("has an alias, which is not taken")
    case .documentStart, .documentEnd, .streamEnd, .sequenceEnd, .mappingEnd:
      throw fault("is no YAML")
    }
  }

  private mutating func members(depth: Int) throws(YAMLError) -> JSONValue {
    var object = JSONObject()
    while true {
      switch try events.next() {
      case .mappingEnd: return .object(object)
      case .scalar(let name):
        try refuse(name.decoration, but: "str")
        if name.isPlain && name.text == "<<" { throw fault("merges, which is not taken") }
        guard object.append(name.text, try value(try events.next(), depth: depth)) else {
          throw fault("has a name twice")
        }
      default: throw fault("has a name that is no plain text")
      }
    }
  }

  private func value(_ scalar: YAMLEvents.Scalar) throws(YAMLError) -> JSONValue {
    try refuse(scalar.decoration, but: "str")
    if !scalar.isPlain || scalar.decoration.tag != nil { return .string(scalar.text) }
    switch scalar.text {
    case "", "~", "null", "Null", "NULL": return .null
    case "true", "True", "TRUE": return .bool(true)
    case "false", "False", "FALSE": return .bool(false)
    case let text: return number(text) ?? .string(text)
    }
  }

  /// As JSON writes numbers; everything else, `+1`, `.5`, `0o7` and `.inf` included, is text.
  private func number(_ text: String) -> JSONValue? {
    guard let first = text.utf8.first, first == 0x2D || 0x30...0x39 ~= first,
      text.utf8.count <= 32, let value = try? JSONParser.parse(Array(text.utf8))
    else { return nil }
    return value
  }

  private func refuse(
    _ decoration: YAMLEvents.Decoration, but plain: String
  ) throws(YAMLError) {
    if decoration.hasAnchor { throw fault("has an anchor, which is not taken") }
    if let tag = decoration.tag, tag != "tag:yaml.org,2002:" + plain {
      throw fault("has a tag, which is not taken")
    }
  }

  private func fault(_ what: String) -> YAMLError {
    YAMLError(description: "\(what) (line \(events.line))")
  }
}
