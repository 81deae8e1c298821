extension UnsafeRawBufferPointer {
  /// The end of the field text that starts at `start`: the index of the first byte that is none,
  /// or `end`. Eight bytes a step.
  @inline(__always)
  func endOfFieldText(from start: Int, to end: Int) -> Int {
    var index = start
    while index &+ 8 <= end {
      let word = UInt64(littleEndian: loadUnaligned(fromByteOffset: index, as: UInt64.self))
      let controls = Self.controls(word)
      if controls == 0 {
        index &+= 8
        continue
      }
      index &+= controls.trailingZeroBitCount &>> 3
      guard self[index] == ASCII.tab else { return index }
      index &+= 1
    }
    while index < end, ASCII.isFieldText(self[index]) { index &+= 1 }
    return index
  }

  /// The index of the first byte from `start` that is not in `set`, or `end`.
  @inline(__always)
  func end(of set: ByteSet, from start: Int, to end: Int) -> Int {
    var index = start
    while index < end, set.contains(self[index]) { index &+= 1 }
    return index
  }

  /// The top bit of the first of the eight bytes that is below 0x20 or DEL, and perhaps bits
  /// above it: a borrow may mark bytes behind the first.
  @inline(__always)
  private static func controls(_ word: UInt64) -> UInt64 {
    let below = (word &- 0x2020_2020_2020_2020) & ~word
    let delete = word ^ 0x7F7F_7F7F_7F7F_7F7F
    let isDelete = (delete &- 0x0101_0101_0101_0101) & ~delete
    return (below | isDelete) & 0x8080_8080_8080_8080
  }

  /// Whether `range` spells `lowercase`, in any case.
  @inline(__always)
  func spells(_ lowercase: StaticString, in range: Range<Int>) -> Bool {
    guard range.count == lowercase.utf8CodeUnitCount else { return false }
    let expected = lowercase.utf8Start
    for offset in 0..<range.count
    where ASCII.lowercased(self[range.lowerBound &+ offset]) != expected[offset] {
      return false
    }
    return true
  }

  /// Where `byte` first stands in `range`, or the range's end.
  @inline(__always)
  func firstIndex(of byte: UInt8, in range: Range<Int>) -> Int {
    var index = range.lowerBound
    while index < range.upperBound, self[index] != byte { index &+= 1 }
    return index
  }

  /// `range` without the blanks at its ends.
  func trimmingBlanks(_ range: Range<Int>) -> Range<Int> {
    var start = range.lowerBound
    var end = range.upperBound
    while start < end, ASCII.isBlank(self[start]) { start &+= 1 }
    while end > start, ASCII.isBlank(self[end &- 1]) { end &-= 1 }
    return start..<end
  }
}

/// The elements of a comma-separated list (RFC 9110 §5.6.1), blanks trimmed, empty ones included.
struct HTTPListIterator: IteratorProtocol {
  private let bytes: UnsafeRawBufferPointer
  private var position: Int
  private let end: Int

  init(_ bytes: UnsafeRawBufferPointer, in range: Range<Int>) {
    self.bytes = bytes
    position = range.lowerBound
    end = range.upperBound
  }

  mutating func next() -> Range<Int>? {
    guard position <= end else { return nil }
    let comma = bytes.firstIndex(of: ASCII.comma, in: position..<end)
    defer { position = comma + 1 }
    return bytes.trimmingBlanks(position..<comma)
  }
}
