/// Reads response heads (RFC 9112 §4, §5), as strictly as requests are read: the upstream of a
/// proxy may be as hostile as its clients.
///
/// ```
/// HTTP-version SP 3DIGIT SP [ reason-phrase ] CRLF *( field-line CRLF ) CRLF
/// ```
///
/// Resumes, fails and repeats like `HTTPRequestParser`.
public struct HTTPResponseParser: Sendable {
  public struct Parsed: Sendable {
    public let head: HTTPResponseHead
    /// Bytes to drop.
    public let consumed: Int
  }

  private enum State { case version, status, reason, lineEnd, fields }

  private let limits: HTTPLimits
  private var state = State.version
  private var position = 0
  private var line = HTTPStatusLine()
  private var fields: HTTPFieldSectionParser
  private var failure: HTTPParseError?

  public init(limits: HTTPLimits = HTTPLimits()) {
    self.limits = limits
    fields = HTTPFieldSectionParser(maxCount: limits.maxHeaderCount)
  }

  /// Whether bytes of a head have been read without its end.
  public var isMidHead: Bool { position > 0 }

  /// Reads on in `bytes`, all that has arrived since the last head's end or body's end, for the
  /// response to a `method` request. nil: more are needed.
  /// Precondition: they begin with the bytes of the call before.
  public mutating func parse(
    _ bytes: UnsafeRawBufferPointer, to method: HTTPMethod
  ) throws(HTTPParseError) -> Parsed? {
    if let failure { throw failure }
    precondition(bytes.count >= position, "bytes were dropped before the head's end")
    do {
      return try advance(bytes, method)
    } catch {
      failure = error
      throw error
    }
  }

  private mutating func advance(
    _ bytes: UnsafeRawBufferPointer, _ method: HTTPMethod
  ) throws(HTTPParseError) -> Parsed? {
    let end = min(bytes.count, limits.maxHeadBytes)
    while position < end {
      switch state {
      case .version: try readVersion(bytes, end)
      case .status: try readStatus(bytes[position])
      case .reason: try readReason(bytes, end)
      case .lineEnd:
        guard bytes[position] == ASCII.lineFeed else { throw .invalidLineEnd }
        position += 1
        state = .fields
      case .fields:
        if try fields.parse(bytes, &position, end: end) { return try finish(bytes, method) }
      }
    }
    if position == limits.maxHeadBytes { throw .headTooLarge }
    return nil
  }

  private mutating func readVersion(
    _ bytes: UnsafeRawBufferPointer, _ end: Int
  ) throws(HTTPParseError) {
    while position < end, position < HTTPVersion.byteCount {
      guard HTTPVersion.allows(bytes[position], at: position) else { throw .invalidVersion }
      position += 1
    }
    guard position < end else { return }
    guard bytes[position] == ASCII.space else { throw .invalidVersion }
    guard let version = HTTPVersion(bytes, at: 0) else { throw .unsupportedVersion }
    line.version = version
    position += 1
    state = .status
  }

  /// Three digits, the first not 0, and a space, which stands there even without a reason.
  private mutating func readStatus(_ byte: UInt8) throws(HTTPParseError) {
    position += 1
    if position == HTTPStatusLine.reasonStart {
      guard byte == ASCII.space, line.status >= 100 else { throw .invalidStatusLine }
      state = .reason
      return
    }
    guard ASCII.isDigit(byte) else { throw .invalidStatusLine }
    line.status = line.status * 10 + UInt16(byte - ASCII.zero)
  }

  private mutating func readReason(
    _ bytes: UnsafeRawBufferPointer, _ end: Int
  ) throws(HTTPParseError) {
    position = bytes.endOfFieldText(from: position, to: end)
    guard position < end else { return }
    guard bytes[position] == ASCII.carriageReturn else {
      throw bytes[position] == ASCII.lineFeed ? .invalidLineEnd : .invalidStatusLine
    }
    line.reasonEnd = UInt16(position)
    position += 1
    state = .lineEnd
  }

  private mutating func finish(
    _ bytes: UnsafeRawBufferPointer, _ method: HTTPMethod
  ) throws(HTTPParseError) -> Parsed {
    let headBytes = UnsafeRawBufferPointer(rebasing: bytes[..<position])
    let head = try HTTPResponseHead(headBytes, line, fields.takeRanges(), to: method)
    let consumed = position
    state = .version
    position = 0
    line = HTTPStatusLine()
    return Parsed(head: head, consumed: consumed)
  }
}
