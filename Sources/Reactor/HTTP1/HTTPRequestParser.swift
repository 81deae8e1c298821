/// Reads request heads (RFC 9112 §3, §5), strictly: where a lenient reader and another one could
/// see two different requests, this one sees none.
///
/// ```
/// method SP request-target SP HTTP-version CRLF *( field-line CRLF ) CRLF
/// ```
///
/// It is given all unread bytes at each call and goes on where it stopped, so that every byte is
/// looked at once, and a bad one is refused when it arrives. After a head it is ready for the
/// next; after an error it repeats the error.
public struct HTTPRequestParser: Sendable {
  public struct Parsed: Sendable {
    public let head: HTTPRequestHead
    /// Bytes to drop: the head, and an empty line before it.
    public let consumed: Int
  }

  private enum State { case method, target, version, lineEnd, fields }

  private let limits: HTTPLimits
  private var state = State.method
  /// Bytes of the empty line before the head that were skipped: 0, 1 (CR) or 2.
  private var skipped = 0
  /// Where reading goes on, counted from the head's first byte.
  private var position = 0
  private var line = HTTPRequestLine()
  /// Digits that the target's last `%` still lacks.
  private var missingHexDigits = 0
  private var fields: HTTPFieldSectionParser
  private var failure: HTTPParseError?

  public init(limits: HTTPLimits = HTTPLimits()) {
    self.limits = limits
    fields = HTTPFieldSectionParser(maxCount: limits.maxHeaderCount)
  }

  /// Whether bytes of a head have been read without its end: a peer that stops here has not
  /// finished its request. An empty line belongs to what came before it.
  public var isMidHead: Bool { position > 0 || skipped == 1 }

  /// Whether the head that is being read, or was refused, is that of a HEAD, whose answer has no
  /// body whatever it says (RFC 9110 §9.3.2).
  public private(set) var isHEAD = false

  /// Reads on in `bytes`, all that has arrived since the last head's end. nil: more are needed.
  /// Precondition: they begin with the bytes of the call before.
  public mutating func parse(
    _ bytes: UnsafeRawBufferPointer
  ) throws(HTTPParseError) -> Parsed? {
    var head: HTTPRequestHead?
    let consumed = try parse(bytes, into: &head)
    return head.map { Parsed(head: $0, consumed: consumed) }
  }

  /// The same, for a caller that keeps the head in a place of its own: sets it and returns the
  /// bytes to drop, or leaves it.
  mutating func parse(
    _ bytes: UnsafeRawBufferPointer, into head: inout HTTPRequestHead?
  ) throws(HTTPParseError) -> Int {
    if let failure { throw failure }
    do {
      guard try skipEmptyLine(bytes) else { return 0 }
      let message = UnsafeRawBufferPointer(rebasing: bytes[skipped...])
      precondition(message.count >= position, "bytes were dropped before the head's end")
      return try advance(message, &head)
    } catch {
      failure = error
      throw error
    }
  }

  /// Skips the one CRLF that some clients send after a body (RFC 9112 §2.2); false if its end
  /// has not arrived.
  private mutating func skipEmptyLine(
    _ bytes: UnsafeRawBufferPointer
  ) throws(HTTPParseError) -> Bool {
    if skipped == 0, position == 0, bytes.first == ASCII.carriageReturn { skipped = 1 }
    guard skipped == 1 else { return true }
    guard bytes.count > 1 else { return false }
    guard bytes[1] == ASCII.lineFeed else { throw .invalidLineEnd }
    skipped = 2
    return true
  }

  private mutating func advance(
    _ bytes: UnsafeRawBufferPointer, _ head: inout HTTPRequestHead?
  ) throws(HTTPParseError) -> Int {
    let end = min(bytes.count, limits.maxHeadBytes)
    while position < end {
      switch state {
      case .method: try readMethod(bytes, end)
      case .target: try readTarget(bytes, end)
      case .version: try readVersion(bytes, end)
      case .lineEnd:
        guard bytes[position] == ASCII.lineFeed else { throw .invalidLineEnd }
        position += 1
        state = .fields
      case .fields:
        if try fields.parse(bytes, &position, end: end) { return try finish(bytes, &head) }
      }
    }
    if position == limits.maxHeadBytes { throw .headTooLarge }
    return 0
  }

  private mutating func readMethod(
    _ bytes: UnsafeRawBufferPointer, _ end: Int
  ) throws(HTTPParseError) {
    let stop = min(end, HTTPLimits.maxMethodBytes + 1)
    position = bytes.end(of: .token, from: position, to: stop)
    if position > HTTPLimits.maxMethodBytes { throw .methodTooLong }
    guard position < end else { return }
    guard bytes[position] == ASCII.space, position > 0 else { throw .invalidMethod }
    isHEAD = HTTPMethod(bytes: UnsafeRawBufferPointer(rebasing: bytes[..<position])) == .head
    line.methodEnd = UInt16(position)
    position += 1
    state = .target
  }

  private mutating func readTarget(
    _ bytes: UnsafeRawBufferPointer, _ end: Int
  ) throws(HTTPParseError) {
    let tooFar = line.targetStart + limits.maxTargetBytes
    let stop = min(end, tooFar + 1)
    var index = position
    while index < stop {
      if missingHexDigits == 0 {
        index = bytes.end(of: .target, from: index, to: stop)
        guard index < stop else { break }
        if bytes[index] == ASCII.space { return try endTarget(bytes, at: index) }
      }
      try noteTargetByte(bytes[index], at: index)
      index &+= 1
    }
    position = index
    if index > tooFar { throw .targetTooLong }
  }

  /// A byte of the target that means something, or can't be there.
  private mutating func noteTargetByte(_ byte: UInt8, at index: Int) throws(HTTPParseError) {
    if missingHexDigits > 0 {
      guard ByteSet.hexDigit.contains(byte) else { throw .invalidTarget }
      missingHexDigits -= 1
      return
    }
    switch byte {
    case ASCII.percent: missingHexDigits = 2
    case ASCII.question:
      if line.queryStart == 0 { line.queryStart = UInt16(index + 1) }
    case ASCII.backslash:
      // Browsers leave it in a query and make it a slash in a path.
      guard line.queryStart != 0 else { throw .invalidTarget }
    default: throw .invalidTarget
    }
  }

  private mutating func endTarget(
    _ bytes: UnsafeRawBufferPointer, at index: Int
  ) throws(HTTPParseError) {
    line.targetEnd = UInt16(index)
    try line.classify(bytes)
    position = index + 1
    state = .version
  }

  private mutating func readVersion(
    _ bytes: UnsafeRawBufferPointer, _ end: Int
  ) throws(HTTPParseError) {
    let start = Int(line.targetEnd) + 1
    while position < end, position - start < HTTPVersion.byteCount {
      guard HTTPVersion.allows(bytes[position], at: position - start) else {
        throw .invalidVersion
      }
      position += 1
    }
    guard position < end else { return }
    guard bytes[position] == ASCII.carriageReturn else {
      throw bytes[position] == ASCII.lineFeed ? .invalidLineEnd : .invalidVersion
    }
    guard let version = HTTPVersion(bytes, at: start) else { throw .unsupportedVersion }
    line.version = version
    position += 1
    state = .lineEnd
  }

  private mutating func finish(
    _ bytes: UnsafeRawBufferPointer, _ head: inout HTTPRequestHead?
  ) throws(HTTPParseError) -> Int {
    let headBytes = UnsafeRawBufferPointer(rebasing: bytes[..<position])
    head = try HTTPRequestHead(headBytes, line, fields.takeRanges())
    let consumed = skipped + position
    state = .method
    isHEAD = false
    skipped = 0
    position = 0
    line = HTTPRequestLine()
    return consumed
  }
}
