/// A request method (RFC 9110 §9). Case-sensitive: `get` is `.other("get")`.
public enum HTTPMethod: Sendable, Hashable {
  case get, head, post, put, delete, connect, options, trace, patch
  /// Any other token.
  case other(String)

  public init(_ name: String) {
    var name = name
    self = name.withUTF8 { HTTPMethod(bytes: UnsafeRawBufferPointer($0)) }
  }

  init(bytes: UnsafeRawBufferPointer) {
    self = Self.known(bytes) ?? .other(String(decoding: bytes, as: UTF8.self))
  }

  /// The method as it stands on the wire.
  public var name: String {
    switch self {
    case .get: "GET"
    case .head: "HEAD"
    case .post: "POST"
    case .put: "PUT"
    case .delete: "DELETE"
    case .connect: "CONNECT"
    case .options: "OPTIONS"
    case .trace: "TRACE"
    case .patch: "PATCH"
    case .other(let name): name
    }
  }

  /// A method of IANA's registry, on 2026-11-27: a resource that does not take it says 405. What
  /// is in no registry is 501 (RFC 9110 §9.1).
  public var isRegistered: Bool {
    if case .other(let name) = self { return Self.registered.contains(name) }
    return true
  }

  private static let registered: Set<String> = [
    "ACL", "BASELINE-CONTROL", "BIND", "CHECKIN", "CHECKOUT", "COPY", "LABEL", "LINK", "LOCK",
    "MERGE", "MKACTIVITY", "MKCALENDAR", "MKCOL", "MKREDIRECTREF", "MKWORKSPACE", "MOVE",
    "ORDERPATCH", "PROPFIND", "PROPPATCH", "QUERY", "REBIND", "REPORT", "SEARCH", "UNBIND",
    "UNCHECKOUT", "UNLINK", "UNLOCK", "UPDATE", "UPDATEREDIRECTREF", "VERSION-CONTROL",
  ]

  private static func known(_ bytes: UnsafeRawBufferPointer) -> HTTPMethod? {
    switch bytes.count {
    case 3: matches(bytes, "GET") ? .get : matches(bytes, "PUT") ? .put : nil
    case 4: matches(bytes, "POST") ? .post : matches(bytes, "HEAD") ? .head : nil
    case 5: matches(bytes, "PATCH") ? .patch : matches(bytes, "TRACE") ? .trace : nil
    case 6: matches(bytes, "DELETE") ? .delete : nil
    case 7: matches(bytes, "OPTIONS") ? .options : matches(bytes, "CONNECT") ? .connect : nil
    default: nil
    }
  }

  /// Precondition: the lengths are equal.
  private static func matches(_ bytes: UnsafeRawBufferPointer, _ name: StaticString) -> Bool {
    for index in 0..<bytes.count where bytes[index] != name.utf8Start[index] { return false }
    return true
  }
}

/// The versions that are spoken here.
public enum HTTPVersion: Sendable, Comparable {
  case http10, http11

  /// Bytes of `HTTP/1.1`.
  static let byteCount = 8

  /// Whether `byte` can stand at `index` of a version: `HTTP/` digit `.` digit.
  static func allows(_ byte: UInt8, at index: Int) -> Bool {
    switch index {
    case 5, 7: ASCII.isDigit(byte)
    case 6: byte == ASCII.dot
    default: byte == ("HTTP/" as StaticString).utf8Start[index]
    }
  }

  /// The version that stands, well-formed, at `start`; nil if its major number is not 1. What a
  /// later minor version sends is to be read as 1.1 (RFC 9110 §2.5).
  init?(_ bytes: UnsafeRawBufferPointer, at start: Int) {
    guard bytes[start + 5] == UInt8(ascii: "1") else { return nil }
    self = bytes[start + 7] == ASCII.zero ? .http10 : .http11
  }
}
