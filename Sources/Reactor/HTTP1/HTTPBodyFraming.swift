/// How a reader finds the end of a message's body (RFC 9112 §6.3).
///
/// Where two readers could disagree, there is no answer: such a message is refused.
public enum HTTPBodyFraming: Sendable, Equatable {
  /// No body.
  case none
  /// So many bytes; at most `Int64.max`, so that `Int(_:)` holds it.
  case length(UInt64)
  case chunked
  /// Responses only: all bytes up to the end of the connection.
  case untilClose

  /// Whether there is no byte of body to wait for.
  public var isEmpty: Bool { self == .none || self == .length(0) }

  /// A request's body.
  static func ofRequest(
    _ summary: HTTPHeadSummary, _ version: HTTPVersion, _ bytes: UnsafeRawBufferPointer
  ) throws(HTTPParseError) -> HTTPBodyFraming {
    try declared(summary, version, bytes) ?? .none
  }

  /// The body of the response to a `method` request. The headers of a response without a body
  /// (to HEAD; 304) may tell of the one that is not there; they are held to the same grammar.
  static func ofResponse(
    status: Int, to method: HTTPMethod,
    _ summary: HTTPHeadSummary, _ version: HTTPVersion, _ bytes: UnsafeRawBufferPointer
  ) throws(HTTPParseError) -> HTTPBodyFraming {
    let framing = try declared(summary, version, bytes)
    if status < 200 || status == 204 || status == 304 || method == .head { return .none }
    if method == .connect, status < 300 { return .none }
    return framing ?? .untilClose
  }

  /// What the headers say; nil if they say nothing.
  private static func declared(
    _ summary: HTTPHeadSummary, _ version: HTTPVersion, _ bytes: UnsafeRawBufferPointer
  ) throws(HTTPParseError) -> HTTPBodyFraming? {
    if summary.transferCodings.isPresent {
      guard summary.contentLengthCount == 0 else { throw .conflictingFraming }
      guard version == .http11 else { throw .transferEncodingInHTTP10 }
      try summary.transferCodings.validate()
      return .chunked
    }
    guard let range = summary.contentLength else { return nil }
    guard summary.contentLengthCount == 1 else { throw .repeatedContentLength }
    return .length(try length(bytes, range))
  }

  /// 19 digits are less than 2⁶⁴, so that the sum can't overflow.
  private static let maxLengthDigits = 19

  /// Digits only: no sign, no list, no blank.
  private static func length(
    _ bytes: UnsafeRawBufferPointer, _ range: Range<Int>
  ) throws(HTTPParseError) -> UInt64 {
    guard (1...maxLengthDigits).contains(range.count) else { throw .invalidContentLength }
    var total: UInt64 = 0
    for index in range {
      guard ASCII.isDigit(bytes[index]) else { throw .invalidContentLength }
      total = total * 10 + UInt64(bytes[index] - ASCII.zero)
    }
    guard total <= UInt64(Int64.max) else { throw .invalidContentLength }
    return total
  }
}
