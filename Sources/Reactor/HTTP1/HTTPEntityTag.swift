/// A validator of one state of a resource (RFC 9110 §8.8.3).
public struct HTTPEntityTag: Sendable, Hashable {
  /// What stands between the quotes.
  public let opaque: String
  public let isWeak: Bool

  /// A strong tag of our own. Precondition: `opaque` holds letters, digits and hyphens only.
  public init(strong opaque: String) {
    precondition(Self.isPlain(opaque), "a tag of ours is plain")
    self.opaque = opaque
    isWeak = false
  }

  /// One tag with its quotes and nothing around it. Tags that aren't ASCII are refused.
  public init?(_ value: String) {
    var reader = TagReader(value)
    guard let tag = reader.tag(), reader.isAtEnd else { return nil }
    self = tag
  }

  fileprivate init(opaque: String, isWeak: Bool) {
    self.opaque = opaque
    self.isWeak = isWeak
  }

  /// The header's value.
  public var value: String { "\(isWeak ? "W/" : "")\"\(opaque)\"" }

  /// Whether it holds letters, digits and hyphens only, as the tags do that are made here.
  public var isPlain: Bool { Self.isPlain(opaque) }

  private static func isPlain(_ opaque: String) -> Bool {
    !opaque.isEmpty
      && opaque.utf8.allSatisfy { $0 == UInt8(ascii: "-") || Self.isAlphanumeric($0) }
  }

  private static func isAlphanumeric(_ byte: UInt8) -> Bool {
    ASCII.isDigit(byte) || ASCII.lowercased(byte) &- UInt8(ascii: "a") < 26
  }
}

/// The value of If-Match or If-None-Match (RFC 9110 §13.1.1).
public enum HTTPTagCondition: Sendable, Equatable {
  /// `*`: the resource exists.
  case any
  case tags([HTTPEntityTag])

  /// More in one header is refused.
  public static let maxTags = 32

  /// nil if it is neither `*` nor a list of one tag at least.
  public init?(_ value: String) {
    if value == "*" {
      self = .any
      return
    }
    var reader = TagReader(value)
    var tags: [HTTPEntityTag] = []
    repeat {
      reader.skipBlanks()
      guard let tag = reader.tag(), tags.count < Self.maxTags else { return nil }
      tags.append(tag)
      reader.skipBlanks()
    } while reader.skip(ASCII.comma)
    guard reader.isAtEnd else { return nil }
    self = .tags(tags)
  }

  /// The header's value.
  public var value: String {
    switch self {
    case .any: "*"
    case .tags(let tags): tags.map(\.value).joined(separator: ", ")
    }
  }

  /// By the strong comparison (§8.8.3.2). `tag` is nil for what does not exist.
  public func matchesStrongly(_ tag: HTTPEntityTag?) -> Bool {
    matches(tag) { $0 == $1 && !$0.isWeak }
  }

  /// By the weak comparison.
  public func matchesWeakly(_ tag: HTTPEntityTag?) -> Bool {
    matches(tag) { $0.opaque == $1.opaque }
  }

  private func matches(
    _ tag: HTTPEntityTag?, _ equals: (HTTPEntityTag, HTTPEntityTag) -> Bool
  ) -> Bool {
    guard let tag else { return false }
    switch self {
    case .any: return true
    case .tags(let tags): return tags.contains { equals($0, tag) }
    }
  }
}

/// Reads tags one after the other.
private struct TagReader {
  private var rest: Substring.UTF8View

  init(_ value: String) { rest = Substring(value).utf8 }

  var isAtEnd: Bool { rest.isEmpty }

  mutating func skip(_ byte: UInt8) -> Bool {
    guard rest.first == byte else { return false }
    rest = rest.dropFirst()
    return true
  }

  mutating func skipBlanks() { rest = rest.drop { ASCII.isBlank($0) } }

  mutating func tag() -> HTTPEntityTag? {
    let isWeak = rest.starts(with: "W/".utf8)
    if isWeak { rest = rest.dropFirst(2) }
    guard skip(UInt8(ascii: "\"")) else { return nil }
    let opaque = rest.prefix { $0 > ASCII.space && $0 < 0x7F && $0 != UInt8(ascii: "\"") }
    rest = rest.dropFirst(opaque.count)
    guard skip(UInt8(ascii: "\"")) else { return nil }
    return HTTPEntityTag(opaque: String(Substring(opaque)), isWeak: isWeak)
  }
}
