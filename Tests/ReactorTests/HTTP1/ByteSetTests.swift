import Testing

@testable import Reactor

@Suite struct ByteSetTests {
  private func bytes(_ set: ByteSet) -> [UInt8] { (0...255).filter { set.contains($0) } }

  private static let alphanumerics =
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

  @Test func holdsExactlyTheGrammarsBytes() {
    func sorted(_ text: String) -> [UInt8] { text.utf8.sorted() }
    let alphanumerics = Self.alphanumerics
    #expect(bytes(.token) == sorted(alphanumerics + "!#$%&'*+-.^_`|~"))
    #expect(bytes(.unreserved) == sorted(alphanumerics + "-._~"))
    #expect(bytes(.target) == sorted(alphanumerics + "-._~:/[]@!$&'()*+,;=|^`{}"))
    #expect(bytes(.hexDigit) == sorted("0123456789ABCDEFabcdef"))
  }

  @Test func findsEveryControlAtEveryPlaceOfAWord() {
    for length in [1, 7, 8, 9, 17] {
      for place in 0..<length {
        for byte in UInt8.min...UInt8.max {
          var text = [UInt8](repeating: 0x61, count: length)
          text[place] = byte
          // What follows the first control must not matter.
          if place + 1 < length { text[place + 1] = 0x20 }
          let end = text.withUnsafeBytes { $0.endOfFieldText(from: 0, to: length) }
          let isText = byte == 0x09 || (byte >= 0x20 && byte != 0x7F)
          if end != (isText ? length : place) { Issue.record("\(byte) at \(place) of \(length)") }
        }
      }
    }
  }

  @Test func endsATokenAtEveryOtherByte() {
    for byte in UInt8.min...UInt8.max {
      let text: [UInt8] = [0x61, byte, 0x61]
      let end = text.withUnsafeBytes { $0.end(of: .token, from: 0, to: 3) }
      #expect(end == (ByteSet.token.contains(byte) ? 3 : 1))
    }
  }
}
