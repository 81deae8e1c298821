/// Takes the chunks out of a chunked body (RFC 9112 §7.1), without copying: it says where the
/// data lies in the bytes that it is given.
///
/// ```
/// *( 1*HEXDIG [ chunk-ext ] CRLF data CRLF ) 1*"0" [ chunk-ext ] CRLF *( trailer CRLF ) CRLF
/// ```
///
/// Extensions and trailers are checked, counted and dropped. After an error it repeats the error.
public struct ChunkedDecoder: Sendable {
  /// What was found at the front of the bytes; the caller drops that much and calls again.
  public enum Step: Equatable, Sendable {
    /// Bytes of body. Drop up to the range's upper bound.
    case data(Range<Int>)
    /// All bytes are used up and the body goes on: `consumed` is their count.
    case needMore(consumed: Int)
    /// The body is over; what follows `consumed` belongs to the next message.
    case end(consumed: Int)
  }

  public static let maxSizeDigits = 16
  /// Per chunk, the blanks and the `;` included.
  public static let maxExtensionBytes = 256
  public static let maxTrailerBytes = 8 * 1024
  public static let maxTrailerLines = 32

  private enum State {
    case size, chunkExtension, sizeEnd, data, dataCR, dataLF, trailers, finished
  }

  private var state = State.size
  /// Bytes of the chunk that are to come; while its size is read: the size so far.
  private var remaining: UInt64 = 0
  private var sizeDigits = 0
  private var extensions = ChunkExtensionChecker()
  private var trailers = TrailerChecker()
  private var failure: HTTPParseError?

  public init() {}

  /// Reads on. `bytes` begins where the step before said.
  public mutating func decode(
    _ bytes: UnsafeRawBufferPointer
  ) throws(HTTPParseError) -> Step {
    if let failure { throw failure }
    do {
      return try advance(bytes)
    } catch {
      failure = error
      throw error
    }
  }

  private mutating func advance(_ bytes: UnsafeRawBufferPointer) throws(HTTPParseError) -> Step {
    if state == .finished { return .end(consumed: 0) }
    var position = 0
    while position < bytes.count {
      if state == .data { return takeData(from: position, available: bytes.count - position) }
      try read(bytes[position])
      position += 1
      if state == .finished { return .end(consumed: position) }
    }
    return .needMore(consumed: position)
  }

  private mutating func takeData(from position: Int, available: Int) -> Step {
    let count = Int(min(remaining, UInt64(available)))
    remaining -= UInt64(count)
    if remaining == 0 { state = .dataCR }
    return .data(position..<position + count)
  }

  /// A byte that is not data.
  private mutating func read(_ byte: UInt8) throws(HTTPParseError) {
    switch state {
    case .size: try readSize(byte)
    case .chunkExtension: try readExtension(byte)
    case .sizeEnd:
      guard byte == ASCII.lineFeed else { throw .invalidChunkSize }
      endSize()
    case .dataCR:
      guard byte == ASCII.carriageReturn else { throw .invalidChunkEnd }
      state = .dataLF
    case .dataLF:
      guard byte == ASCII.lineFeed else { throw .invalidChunkEnd }
      state = .size
    case .trailers:
      if try trailers.read(byte) { state = .finished }
    case .data, .finished: preconditionFailure("no byte is read here")
    }
  }

  private mutating func readSize(_ byte: UInt8) throws(HTTPParseError) {
    if let digit = ASCII.hexValue(byte) {
      sizeDigits += 1
      guard sizeDigits <= Self.maxSizeDigits else { throw .invalidChunkSize }
      remaining = remaining << 4 | UInt64(digit)
      guard remaining <= UInt64(Int64.max) else { throw .chunkTooLarge }
      return
    }
    guard sizeDigits > 0 else { throw .invalidChunkSize }
    if byte == ASCII.carriageReturn {
      state = .sizeEnd
    } else if byte == ASCII.semicolon || ASCII.isBlank(byte) {
      state = .chunkExtension
      try readExtension(byte)
    } else {
      throw .invalidChunkSize
    }
  }

  private mutating func readExtension(_ byte: UInt8) throws(HTTPParseError) {
    guard byte == ASCII.carriageReturn else { return try extensions.read(byte) }
    guard extensions.mayEnd else { throw .invalidChunkExtension }
    state = .sizeEnd
  }

  private mutating func endSize() {
    state = remaining == 0 ? .trailers : .data
    sizeDigits = 0
    extensions = ChunkExtensionChecker()
  }
}

/// Checks the trailer section byte by byte and keeps nothing of it: nobody here wants trailers,
/// and merging them into the headers is how requests change after they were judged.
private struct TrailerChecker: Sendable {
  private enum State { case lineStart, name, value, lineEnd, sectionEnd }

  private var state = State.lineStart
  private var byteCount = 0
  private var lineCount = 0

  /// True at the end of the section.
  mutating func read(_ byte: UInt8) throws(HTTPParseError) -> Bool {
    byteCount += 1
    guard byteCount <= ChunkedDecoder.maxTrailerBytes else { throw .trailersTooLarge }
    switch state {
    case .lineStart: try startLine(byte)
    case .name:
      if byte == ASCII.colon {
        state = .value
      } else {
        guard ByteSet.token.contains(byte) else { throw .invalidTrailer }
      }
    case .value:
      if byte == ASCII.carriageReturn {
        state = .lineEnd
      } else {
        guard ASCII.isFieldText(byte) else { throw .invalidTrailer }
      }
    case .lineEnd, .sectionEnd:
      guard byte == ASCII.lineFeed else { throw .invalidTrailer }
      if state == .sectionEnd { return true }
      state = .lineStart
    }
    return false
  }

  private mutating func startLine(_ byte: UInt8) throws(HTTPParseError) {
    if byte == ASCII.carriageReturn {
      state = .sectionEnd
      return
    }
    guard ByteSet.token.contains(byte) else { throw .invalidTrailer }
    lineCount += 1
    guard lineCount <= ChunkedDecoder.maxTrailerLines else { throw .trailersTooLarge }
    state = .name
  }
}
