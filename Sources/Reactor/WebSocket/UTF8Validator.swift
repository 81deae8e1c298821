/// Checks UTF-8 (RFC 3629) in pieces cut anywhere, and refuses it at the first byte that no
/// right continuation can save: overlong forms, surrogates and numbers above U+10FFFF show in
/// the second byte of their sequence.
public struct UTF8Validator: Sendable {
  /// Continuation bytes that the open sequence still lacks: 0 to 3.
  private var missing: UInt8 = 0
  /// The range of the next continuation byte.
  private var lowest: UInt8 = 0x80
  private var highest: UInt8 = 0xBF

  @inline(__always)
  public init() {}

  /// No sequence is open: the text may end here.
  @inline(__always)
  public var isComplete: Bool { missing == 0 }

  /// Takes the next piece. Returns the offset in it of the first byte that can't be right, nil
  /// if there is none. After a refusal the validator is of no more use.
  public mutating func firstInvalidOffset(in bytes: UnsafeRawBufferPointer) -> Int? {
    var index = 0
    while index < bytes.count {
      if missing == 0 {
        index = Self.skipWholeSequences(bytes, from: index)
        if index == bytes.count { return nil }
        guard open(bytes[index]) else { return index }
      } else {
        guard bytes[index] >= lowest, bytes[index] <= highest else { return index }
        missing &-= 1
        lowest = 0x80
        highest = 0xBF
      }
      index &+= 1
    }
    return nil
  }

  /// Takes a byte above 0x7F that must begin a sequence (RFC 3629 §4).
  private mutating func open(_ lead: UInt8) -> Bool {
    switch lead {
    case 0xC2...0xDF: missing = 1
    case 0xE0...0xEF: missing = 2
    case 0xF0...0xF4: missing = 3
    default: return false
    }
    switch lead {
    case 0xE0: lowest = 0xA0
    case 0xED: highest = 0x9F
    case 0xF0: lowest = 0x90
    case 0xF4: highest = 0x8F
    default: break
    }
    return true
  }

  /// The fast path: passes ASCII, and whole sequences that need no memory.
  @inline(__always)
  private static func skipWholeSequences(
    _ bytes: UnsafeRawBufferPointer, from start: Int
  ) -> Int {
    var index = start
    while index < bytes.count {
      if bytes[index] < 0x80 {
        index = skipASCII(bytes, from: index)
      } else if isWholePair(bytes, at: index) {
        index &+= 2
      } else if isWholeTriple(bytes, at: index) {
        index &+= 3
      } else if isWholeQuad(bytes, at: index) {
        index &+= 4
      } else {
        return index
      }
    }
    return index
  }

  /// C2…DF and a continuation byte (Latin, Greek, Cyrillic).
  @inline(__always)
  private static func isWholePair(_ bytes: UnsafeRawBufferPointer, at index: Int) -> Bool {
    guard bytes.count &- index >= 2 else { return false }
    let lead = bytes[index]
    return lead & 0xE0 == 0xC0 && lead >= 0xC2 && bytes[index &+ 1] & 0xC0 == 0x80
  }

  /// E1…EF and two continuation bytes, no surrogate (Hangul, kana, Han, box drawing).
  @inline(__always)
  private static func isWholeTriple(_ bytes: UnsafeRawBufferPointer, at index: Int) -> Bool {
    guard bytes.count &- index >= 3 else { return false }
    let lead = bytes[index]
    let second = bytes[index &+ 1]
    let isTriple =
      lead & 0xF0 == 0xE0 && second & 0xC0 == 0x80 && bytes[index &+ 2] & 0xC0 == 0x80
    return isTriple && lead != 0xE0 && (lead != 0xED || second < 0xA0)
  }

  /// F0…F3 and three continuation bytes, not overlong (emoji).
  @inline(__always)
  private static func isWholeQuad(_ bytes: UnsafeRawBufferPointer, at index: Int) -> Bool {
    guard bytes.count &- index >= 4 else { return false }
    let word = bytes.loadUnaligned(fromByteOffset: index, as: UInt32.self).bigEndian
    return word & 0xFCC0_C0C0 == 0xF080_8080 && word >= 0xF090_8080
  }

  /// 32 bytes at a time, then 8, then 1.
  @inline(__always)
  private static func skipASCII(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
    let highBits: UInt64 = 0x8080_8080_8080_8080
    var index = start
    while bytes.count &- index >= 32 {
      let words = bytes.loadUnaligned(fromByteOffset: index, as: SIMD4<UInt64>.self)
      if (words[0] | words[1] | words[2] | words[3]) & highBits != 0 { break }
      index &+= 32
    }
    while bytes.count &- index >= 8 {
      let word = bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self).littleEndian
      let high = word & highBits
      if high != 0 { return index &+ high.trailingZeroBitCount / 8 }
      index &+= 8
    }
    while index < bytes.count, bytes[index] < 0x80 { index &+= 1 }
    return index
  }
}
