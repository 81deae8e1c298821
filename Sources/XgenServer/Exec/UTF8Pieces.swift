/// Text out of pieces that are cut anywhere: a character's bytes that are not all there wait for
/// the next piece. What is no UTF-8 is replaced, just as if all came at once. Pure.
struct UTF8Pieces {
  /// The start of a character, at most 3 bytes.
  private var held: [UInt8] = []

  mutating func take(_ piece: UnsafeRawBufferPointer) -> String {
    var bytes = held
    bytes.append(contentsOf: piece)
    held = Array(bytes.suffix(Self.unfinishedCount(bytes)))
    return String(decoding: bytes.dropLast(held.count), as: UTF8.self)
  }

  /// What was still held back, once no more comes.
  mutating func flush() -> String {
    defer { held = [] }
    return String(decoding: held, as: UTF8.self)
  }

  /// How many bytes at the end begin a character that needs more of them. A leading byte always
  /// begins a new character, so a cut before one changes nothing.
  private static func unfinishedCount(_ bytes: [UInt8]) -> Int {
    for count in 1...3 where count <= bytes.count {
      let byte = bytes[bytes.count - count]
      if byte < 0x80 { return 0 }
      if byte >= 0xC0 { return count < length(leading: byte) ? count : 0 }
    }
    return 0
  }

  private static func length(leading byte: UInt8) -> Int {
    switch byte {
    case 0xF0...: 4
    case 0xE0...: 3
    default: 2
    }
  }
}
