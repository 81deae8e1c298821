/// What a client shows to prove who it is: the value of an Authorization header (RFC 9110 §11.4).
enum Credential: Equatable, Sendable {
  /// `Bearer <token>`
  case bearer(String)
  /// `ApiKey <key>`
  case apiKey(String)

  /// A JWT's bound, and far above any key's length.
  static let maxLength = 4096

  /// Nil unless it is one of the two schemes (in any case), one space or more, and one token.
  init?(authorization value: String) {
    guard let space = value.utf8.firstIndex(of: UInt8(ascii: " ")) else { return nil }
    let token = String(value[space...].drop { $0 == " " })
    guard Self.isToken(token) else { return nil }
    let scheme = String(value[..<space])
    if scheme.isSpelled("bearer") {
      self = .bearer(token)
    } else if scheme.isSpelled("apikey") {
      self = .apiKey(token)
    } else {
      return nil
    }
  }

  /// The token behind `Bearer ` and no further space, as clients write it; nil for any other
  /// spelling, and for what is no token at all.
  static func bearerToken(_ value: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
    let prefix: StaticString = "bearer "
    let length = prefix.utf8CodeUnitCount
    guard value.count > length else { return nil }
    for index in 0..<length where value[index] | 0x20 != prefix.utf8Start[index] { return nil }
    return UnsafeRawBufferPointer(rebasing: value[length...])
  }

  /// Whether `text` is a token68 (RFC 9110 §11.2) within `maxLength`.
  static func isToken(_ text: String) -> Bool {
    guard text.utf8.count <= maxLength else { return false }
    let unpadded = text.utf8.reversed().drop { $0 == UInt8(ascii: "=") }
    return !unpadded.isEmpty && unpadded.allSatisfy(isTokenByte)
  }

  private static func isTokenByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
      UInt8(ascii: "_"), UInt8(ascii: "~"), UInt8(ascii: "+"), UInt8(ascii: "/"):
      true
    default:
      false
    }
  }
}

extension String {
  /// Whether this is the word, of ASCII letters in lower case, in any case.
  func isSpelled(_ word: String) -> Bool {
    // Only the two cases of a letter become that letter with this bit set.
    utf8.elementsEqual(word.utf8) { $0 | 0x20 == $1 }
  }
}

extension Credential: CustomStringConvertible {
  /// The scheme only: a secret must not reach a log.
  var description: String {
    switch self {
    case .bearer: "Bearer …"
    case .apiKey: "ApiKey …"
    }
  }
}
