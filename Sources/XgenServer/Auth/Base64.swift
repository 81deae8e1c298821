/// Base64 with padding (RFC 4648 §4).
enum Base64 {
  private static let codec = Base64Codec(characters62And63: "+/", isPadded: true)

  static func encode(_ bytes: [UInt8]) -> String { codec.encode(bytes) }

  /// Strict: padding is required, white space and stray bits behind the last byte are refused.
  static func decode(_ text: String) -> [UInt8]? { codec.decode(text) }
}

/// One alphabet of RFC 4648, both ways. Not constant in time: the data may be a signature or a
/// public token, never a key.
struct Base64Codec: Sendable {
  private static let invalid: UInt8 = 0xFF

  private let characters: [UInt8]
  /// Six bits by character; `invalid` for what is not in the alphabet.
  private let values: [UInt8]
  private let isPadded: Bool

  init(characters62And63: StaticString, isPadded: Bool) {
    precondition(characters62And63.utf8CodeUnitCount == 2, "two characters")
    var characters: [UInt8] = []
    characters += UInt8(ascii: "A")...UInt8(ascii: "Z")
    characters += UInt8(ascii: "a")...UInt8(ascii: "z")
    characters += UInt8(ascii: "0")...UInt8(ascii: "9")
    characters += [characters62And63.utf8Start[0], characters62And63.utf8Start[1]]
    var values = [UInt8](repeating: Self.invalid, count: 256)
    for (value, character) in characters.enumerated() { values[Int(character)] = UInt8(value) }
    self.characters = characters
    self.values = values
    self.isPadded = isPadded
  }
}

// MARK: Encoding

extension Base64Codec {
  func encode(_ bytes: [UInt8]) -> String { bytes.withUnsafeBufferPointer { encode($0) } }

  func encode(_ bytes: UnsafeBufferPointer<UInt8>) -> String {
    let tail = bytes.count % 3
    let count = isPadded || tail == 0 ? (bytes.count + 2) / 3 * 4 : bytes.count / 3 * 4 + tail + 1
    return String(unsafeUninitializedCapacity: count) { output in
      var written = 0
      var start = 0
      while start &+ 3 <= bytes.count {
        let group =
          UInt32(bytes[start]) << 16 | UInt32(bytes[start &+ 1]) << 8 | UInt32(bytes[start &+ 2])
        write(group, 4, to: output, at: &written)
        start &+= 3
      }
      if tail > 0 {
        let last = tail == 2 ? UInt32(bytes[start + 1]) << 8 : 0
        write(UInt32(bytes[start]) << 16 | last, tail + 1, to: output, at: &written)
        while written < count { output[written] = UInt8(ascii: "="); written += 1 }
      }
      return written
    }
  }

  /// The first `count` characters of a group of 24 bits.
  private func write(
    _ group: UInt32, _ count: Int, to output: UnsafeMutableBufferPointer<UInt8>,
    at written: inout Int
  ) {
    for index in 0..<count {
      output[written] = characters[Int(group >> (18 - 6 * UInt32(index)) & 0x3F)]
      written &+= 1
    }
  }
}

// MARK: Decoding

extension Base64Codec {
  /// Nil unless `text` is exactly what `encode` writes for some bytes.
  func decode(_ text: String) -> [UInt8]? {
    var characters = Array(text.utf8)
    if isPadded {
      guard characters.count % 4 == 0 else { return nil }
      for _ in 0..<2 where characters.last == UInt8(ascii: "=") { characters.removeLast() }
    }
    let tail = characters.count % 4
    guard tail != 1 else { return nil }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(characters.count / 4 * 3 + 2)
    var bits: UInt32 = 0
    for (index, character) in characters.enumerated() {
      let value = values[Int(character)]
      guard value != Self.invalid else { return nil }
      bits = bits << 6 | UInt32(value)
      if index % 4 != 0 { bytes.append(UInt8(truncatingIfNeeded: bits >> (6 - 2 * (index % 4)))) }
    }
    return hasStrayBits(bits, tail: tail) ? nil : bytes
  }

  /// Whether the last character of a group of 2 or 3 has bits that belong to no byte.
  private func hasStrayBits(_ bits: UInt32, tail: Int) -> Bool {
    switch tail {
    case 2: bits & 0xF != 0
    case 3: bits & 0x3 != 0
    default: false
    }
  }
}
