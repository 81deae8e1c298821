internal import Yams

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
/// are refused: they make a small file large. The only file that knows the YAML library.
enum YAMLDocument {
  /// An empty document is null. Blocks; the library recurses as deep as the text nests (its own
  /// limit is 1,000).
  static func parse(
    _ bytes: [UInt8], limits: YAMLLimits = YAMLLimits()
  ) throws(YAMLError) -> JSONValue {
    guard bytes.count <= limits.maxBytes else {
      throw YAMLError(description: "is over \(limits.maxBytes) bytes")
    }
    guard let text = String(validating: bytes, as: UTF8.self), !bytes.contains(0) else {
      throw YAMLError(description: "is no UTF-8 text")
    }
    let (parser, root) = try load(text)
    // The nodes know their anchors only as long as the parser lives.
    defer { withExtendedLifetime(parser) {} }
    var reader = YAMLReader(limits: limits)
    return try root.map { (root) throws(YAMLError) in try reader.value(root, depth: 0) } ?? .null
  }

  private static func load(_ text: String) throws(YAMLError) -> (Parser, Node?) {
    do {
      let parser = try Parser(yaml: text, encoding: .utf8)
      return (parser, try parser.singleRoot())
    } catch {
      throw YAMLError(description: explanation(error))
    }
  }

  /// The library's own text shows the line at fault, and with it what may be a secret.
  private static func explanation(_ error: any Error) -> String {
    guard let error = error as? YamlError else { return "is no YAML" }
    switch error {
    case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
      .composer(_, let problem, let mark, _):
      return "is no YAML: \(problem) in line \(mark.line)"
    case .duplicatedKeysInMapping: return "is no YAML: a name stands twice in a mapping"
    default: return "is no YAML"
    }
  }
}

/// Turns the library's nodes into JSON and counts them.
private struct YAMLReader {
  let limits: YAMLLimits
  private var nodes = 0

  init(limits: YAMLLimits) { self.limits = limits }

  mutating func value(_ node: Node, depth: Int) throws(YAMLError) -> JSONValue {
    nodes += 1
    guard depth <= limits.maxDepth, nodes <= limits.maxNodes else {
      throw fault("nests too deep or has too many parts", node)
    }
    guard node.anchor == nil else { throw fault("has an anchor, which is not taken", node) }
    switch node {
    case .scalar(let scalar): return try value(scalar, node)
    case .sequence(let sequence):
      try refuseTag(sequence.tag, .seq, node)
      var elements: [JSONValue] = []
      for element in sequence { elements.append(try value(element, depth: depth + 1)) }
      return .array(elements)
    case .mapping(let mapping):
      try refuseTag(mapping.tag, .map, node)
      var object = JSONObject()
      for (name, member) in mapping {
        guard case .scalar(let scalar) = name, name.anchor == nil, scalar.string != "<<" else {
          throw fault("has a name that is no plain text", name)
        }
        guard object.append(scalar.string, try value(member, depth: depth + 1)) else {
          throw fault("has a name twice", name)
        }
      }
      return .object(object)
    case .alias: throw fault("has an alias, which is not taken", node)
    }
  }

  private func value(_ scalar: Node.Scalar, _ node: Node) throws(YAMLError) -> JSONValue {
    try refuseTag(scalar.tag, .str, node)
    guard scalar.style == .plain, scalar.tag.description != Tag.Name.str.rawValue else {
      return .string(scalar.string)
    }
    switch scalar.string {
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

  private func refuseTag(_ tag: Tag, _ plain: Tag.Name, _ node: Node) throws(YAMLError) {
    guard [.implicit, plain].contains(Tag.Name(rawValue: tag.description)) else {
      throw fault("has a tag, which is not taken", node)
    }
  }

  private func fault(_ what: String, _ node: Node) -> YAMLError {
    YAMLError(description: what + (node.mark.map { " (line \($0.line))" } ?? ""))
  }
}
