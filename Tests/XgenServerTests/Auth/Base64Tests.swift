import Testing

@testable import XgenServer

@Suite struct Base64Tests {
  /// RFC 4648 §10.
  @Test(arguments: [
    ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="),
    ("fooba", "Zm9vYmE="), ("foobar", "Zm9vYmFy"),
  ])
  func followsTheVectorsOfTheRFC(text: String, padded: String) {
    let bytes = Array(text.utf8)
    let unpadded = String(padded.filter { $0 != "=" })
    #expect(Base64.encode(bytes) == padded)
    #expect(Base64.decode(padded) == bytes)
    #expect(Base64URL.encode(bytes) == unpadded)
    #expect(Base64URL.decode(unpadded) == bytes)
  }

  @Test func alphabetsDifferInTwoCharacters() {
    let bytes: [UInt8] = [0xFB, 0xEF, 0xFF]
    #expect(Base64.encode(bytes) == "++//")
    #expect(Base64URL.encode(bytes) == "--__")
    #expect(Base64.decode("--__") == nil)
    #expect(Base64URL.decode("++//") == nil)
  }

  @Test func readsBackEveryLengthAndEveryByte() {
    for count in 0...300 {
      let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 37) }
      #expect(Base64.decode(Base64.encode(bytes)) == bytes)
      #expect(Base64URL.decode(Base64URL.encode(bytes)) == bytes)
    }
  }

  @Test(arguments: [
    "Z", "Zg", "Zg=", "Zg===", "Zh==", "Zm9=", "Zm9v\n", " Zm9v", "Zm 9", "=", "==", "====", "Z===",
    "Zg==Zg==", "Zm9v=", "Z=g=", "Zm9é", "Zm9vZg=a",
  ])
  func refusesSloppyBase64(text: String) {
    #expect(Base64.decode(text) == nil)
  }

  @Test(arguments: ["Z", "Zg==", "Zm8=", "Zh", "Zm9", "Zm9v\n", " Zm9v", "Zm9vZ", "=", "Zm9\0"])
  func refusesSloppyBase64URL(text: String) {
    #expect(Base64URL.decode(text) == nil)
  }

  @Test func acceptsOneSpellingOnlyForEachValue() {
    let accepted = (0..<128).flatMap { first in
      (0..<128).compactMap { second in
        Base64URL.decode(String(decoding: [UInt8(first), UInt8(second)], as: UTF8.self))
      }
    }
    #expect(accepted.count == 256)
    #expect(Set(accepted).count == 256)
  }
}
