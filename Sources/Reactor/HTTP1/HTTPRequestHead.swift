/// A request's start line and headers: one copy of their bytes and the ranges of the parts.
/// Two allocations; Strings are made when asked for.
public struct HTTPRequestHead: Sendable {
  public let method: HTTPMethod
  public let headers: HTTPFields
  public let framing: HTTPBodyFraming
  /// Whether the client expects the connection to outlive the exchange.
  public let keepAlive: Bool
  /// Whether the client waits for a 100 before it sends the body.
  public let expectsContinue: Bool
  /// Whether the client wants to leave HTTP/1.1: `Connection: upgrade` with an Upgrade header.
  public let asksUpgrade: Bool
  let line: HTTPRequestLine
  /// Where Host's value lies.
  private let hostField: Range<UInt16>?

  /// Throws what is wrong with the headers as a whole; `line` and `ranges` are valid each.
  init(
    _ bytes: UnsafeRawBufferPointer, _ line: HTTPRequestLine, _ ranges: [HTTPFieldRange]
  ) throws(HTTPParseError) {
    let summary = HTTPHeadSummary(bytes, ranges)
    try Self.validateHost(bytes, summary, line.version)
    try summary.checkConnection()
    framing = try HTTPBodyFraming.ofRequest(summary, line.version, bytes)
    let isModern = line.version == .http11
    if isModern, summary.expectation == .unsupported { throw .unsupportedExpectation }
    // HTTP/1.0 knows neither (RFC 9110 §7.8, §10.1.1): there they are to be ignored.
    expectsContinue = isModern && summary.expectation == .continue100 && !framing.isEmpty
    asksUpgrade = isModern && summary.asksUpgrade
    // What follows a CONNECT may be meant for the tunnel.
    keepAlive = summary.keepsAlive(line.version) && line.form != .authority
    method = HTTPMethod(bytes: UnsafeRawBufferPointer(rebasing: bytes[line.method]))
    headers = HTTPFields(bytes: [UInt8](bytes), ranges: ranges)
    self.line = line
    hostField = summary.host.map { UInt16($0.lowerBound)..<UInt16($0.upperBound) }
  }

  public var version: HTTPVersion { line.version }

  /// The target as it came.
  public var target: String { headers.string(line.target) }
  public var targetForm: HTTPTargetForm { line.form }

  /// Whether the target is an absolute-form of the scheme https.
  public var targetIsHTTPS: Bool {
    line.form == .absolute && line.authority.lowerBound - line.target.lowerBound == 8
  }

  /// The target's path as it came, percent-encoded. `/` for an absolute-form without one; empty
  /// for CONNECT.
  public var path: String {
    if line.form == .authority { return "" }
    return line.path.isEmpty ? "/" : headers.string(line.path)
  }

  /// What follows the first `?`, as it came; nil without a `?`.
  public var query: String? { line.query.map { headers.string($0) } }

  /// The target's authority, or else Host: what the request is addressed to, as it came.
  public var authority: String? {
    line.authority.isEmpty ? headers["host"] : headers.string(line.authority)
  }

  /// Lends the bytes of the same.
  public func withAuthority<R>(_ body: (UnsafeRawBufferPointer?) -> R) -> R {
    let host = hostField.map { Int($0.lowerBound)..<Int($0.upperBound) }
    guard let range = line.authority.isEmpty ? host : line.authority else { return body(nil) }
    return withBytes { body(UnsafeRawBufferPointer(rebasing: $0[range])) }
  }

  public var host: HTTPHost? { authority.flatMap { HTTPHost($0) } }

  /// The protocols that the client offers, most wanted first; empty unless `asksUpgrade`.
  public var upgradeProtocols: [String] {
    guard asksUpgrade else { return [] }
    return headers.values("upgrade").flatMap { value in
      value.split(separator: ",").map { $0.trimmingBlanks() }.filter { !$0.isEmpty }
    }
  }

  /// Path segments and query items, decoded.
  public func decodedTarget() throws(HTTPParseError) -> HTTPTarget {
    if line.form == .authority { return try HTTPTarget(path: "", query: nil) }
    return try withBytes { bytes in
      Result { () throws(HTTPParseError) in
        try HTTPTarget(
          path: UnsafeRawBufferPointer(rebasing: bytes[line.path]),
          query: line.query.map { UnsafeRawBufferPointer(rebasing: bytes[$0]) })
      }
    }.get()
  }

  /// Lends all bytes from the method to the empty line.
  public func withBytes<R>(_ body: (UnsafeRawBufferPointer) -> R) -> R {
    headers.bytes.withUnsafeBytes { body($0) }
  }

  /// Host is there once in HTTP/1.1 and at most once in HTTP/1.0 (RFC 9112 §3.2), even where the
  /// target's authority overrides it.
  private static func validateHost(
    _ bytes: UnsafeRawBufferPointer, _ summary: HTTPHeadSummary, _ version: HTTPVersion
  ) throws(HTTPParseError) {
    guard let host = summary.host else {
      if version == .http11 { throw .missingHost }
      return
    }
    guard summary.hostCount == 1 else { throw .repeatedHost }
    guard HTTPHost.parse(bytes, in: host) != nil else { throw .invalidHost }
  }
}

extension Substring {
  fileprivate func trimmingBlanks() -> String {
    let isBlank = { (character: Character) in character == " " || character == "\t" }
    guard let start = firstIndex(where: { !isBlank($0) }),
      let last = lastIndex(where: { !isBlank($0) })
    else { return "" }
    return String(self[start...last])
  }
}
