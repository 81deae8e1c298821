/// The header lines of a head, down to the empty line that ends it (RFC 9112 §5), for requests
/// and responses alike.
///
/// ```
/// *( field-name ":" OWS field-value OWS CRLF ) CRLF
/// ```
///
/// Resumes at the byte where it stopped, and refuses a byte when it arrives.
struct HTTPFieldSectionParser: Sendable {
  private enum State { case lineStart, name, valueStart, value, lineEnd, sectionEnd }

  private var state = State.lineStart
  private var nameStart = 0
  private var nameEnd = 0
  private var valueStart = 0
  private var ranges: [HTTPFieldRange] = []
  private let maxCount: Int

  /// Room for the headers of a usual request, in one allocation.
  private static let usualCount = 16

  init(maxCount: Int) {
    self.maxCount = maxCount
  }

  /// Reads `bytes[position..<end]` as far as it goes and moves `position` on; true at the end of
  /// the section.
  mutating func parse(
    _ bytes: UnsafeRawBufferPointer, _ position: inout Int, end: Int
  ) throws(HTTPParseError) -> Bool {
    // A local copy: the loops below keep it in a register.
    var index = position
    defer { position = index }
    while index < end {
      switch state {
      case .lineStart:
        try startLine(bytes[index], at: index)
        index += 1
      case .name:
        index = bytes.end(of: .token, from: index, to: end)
        guard index < end else { return false }
        try endName(bytes[index], at: index)
        index += 1
      case .valueStart:
        while index < end, ASCII.isBlank(bytes[index]) { index &+= 1 }
        guard index < end else { return false }
        valueStart = index
        state = .value
      case .value:
        index = bytes.endOfFieldText(from: index, to: end)
        guard index < end else { return false }
        try endValue(bytes, at: index)
        index += 1
      case .lineEnd:
        guard bytes[index] == ASCII.lineFeed else { throw .invalidLineEnd }
        state = .lineStart
        index += 1
      case .sectionEnd:
        guard bytes[index] == ASCII.lineFeed else { throw .invalidLineEnd }
        index += 1
        return true
      }
    }
    return false
  }

  /// Hands the ranges over and is ready for another section.
  mutating func takeRanges() -> [HTTPFieldRange] {
    defer {
      ranges = []
      state = .lineStart
    }
    return ranges
  }

  private mutating func startLine(_ byte: UInt8, at position: Int) throws(HTTPParseError) {
    if byte == ASCII.carriageReturn {
      state = .sectionEnd
      return
    }
    guard ByteSet.token.contains(byte) else { throw Self.lineStartError(byte) }
    guard ranges.count < maxCount else { throw .tooManyFields }
    nameStart = position
    state = .name
  }

  private static func lineStartError(_ byte: UInt8) -> HTTPParseError {
    if ASCII.isBlank(byte) { return .obsoleteFold }
    return byte == ASCII.lineFeed ? .invalidLineEnd : .invalidFieldName
  }

  private mutating func endName(_ byte: UInt8, at position: Int) throws(HTTPParseError) {
    guard byte == ASCII.colon else {
      throw ASCII.isBlank(byte) ? .blankBeforeColon : .invalidFieldName
    }
    nameEnd = position
    state = .valueStart
  }

  private mutating func endValue(
    _ bytes: UnsafeRawBufferPointer, at position: Int
  ) throws(HTTPParseError) {
    guard bytes[position] == ASCII.carriageReturn else {
      throw bytes[position] == ASCII.lineFeed ? .invalidLineEnd : .invalidFieldValue
    }
    var end = position
    while end > valueStart, ASCII.isBlank(bytes[end &- 1]) { end &-= 1 }
    if ranges.isEmpty { ranges.reserveCapacity(Self.usualCount) }
    ranges.append(
      HTTPFieldRange(
        nameStart: UInt16(truncatingIfNeeded: nameStart),
        nameEnd: UInt16(truncatingIfNeeded: nameEnd),
        valueStart: UInt16(truncatingIfNeeded: valueStart),
        valueEnd: UInt16(truncatingIfNeeded: end)))
    state = .lineEnd
  }
}
