/// A response's status line and headers: one copy of their bytes and the ranges of the parts.
public struct HTTPResponseHead: Sendable {
  public let headers: HTTPFields
  public let framing: HTTPBodyFraming
  /// Whether the connection can take another request after this response.
  public let keepAlive: Bool
  /// Whether the server left HTTP/1.1: 101 with `Connection: upgrade` and an Upgrade header.
  public let isUpgrade: Bool
  let line: HTTPStatusLine

  /// Throws what is wrong with the headers as a whole; `line` and `ranges` are valid each.
  init(
    _ bytes: UnsafeRawBufferPointer, _ line: HTTPStatusLine, _ ranges: [HTTPFieldRange],
    to method: HTTPMethod
  ) throws(HTTPParseError) {
    let summary = HTTPHeadSummary(bytes, ranges)
    try summary.checkConnection()
    framing = try HTTPBodyFraming.ofResponse(
      status: Int(line.status), to: method, summary, line.version, bytes)
    keepAlive = framing != .untilClose && summary.keepsAlive(line.version)
    isUpgrade = line.status == 101 && line.version == .http11 && summary.asksUpgrade
    headers = HTTPFields(bytes: [UInt8](bytes), ranges: ranges)
    self.line = line
  }

  /// 100–999. What is above 599 means nothing and is to be treated as a 5xx (RFC 9110 §15).
  public var status: Int { Int(line.status) }
  /// 1xx: the final response is still to come, unless this is a 101.
  public var isInformational: Bool { line.status < 200 }
  public var version: HTTPVersion { line.version }
  public var reason: String { headers.string(line.reason) }

  /// Lends all bytes from the version to the empty line.
  public func withBytes<R>(_ body: (UnsafeRawBufferPointer) -> R) -> R {
    headers.bytes.withUnsafeBytes { body($0) }
  }
}

/// A status line's parts (RFC 9112 §4).
struct HTTPStatusLine: Sendable {
  var version = HTTPVersion.http11
  var status: UInt16 = 0
  var reasonEnd: UInt16 = 0

  /// `HTTP/1.1 200 `
  static let reasonStart = HTTPVersion.byteCount + 5

  var reason: Range<Int> { Self.reasonStart..<Int(reasonEnd) }
}
