import Testing

@testable import XgenServer

@Suite struct JWTTests {
  private static let secret = Array("a-secret-of-at-least-32-bytes-long!!".utf8)
  private static let issuedAt: Int64 = 1_700_000_000
  private static let claims = JWTClaims(
    subject: "ci", role: .user, issuedAt: issuedAt, expiresAt: issuedAt + 900,
    permissions: [.sandboxRead, .sandboxExec])

  /// PyJWT 2: `jwt.encode({"sub": "ci", "role": "user", "iat": 1700000000, "exp": 1700000900,
  /// "permissions": ["sandbox:read", "sandbox:exec"]}, secret, algorithm="HS256")`.
  private static let pyJWT =
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJjaSIsInJvbGUiOiJ1c2VyIiwiaWF0IjoxNzAwMDAwMDAw"
    + "LCJleHAiOjE3MDAwMDA5MDAsInBlcm1pc3Npb25zIjpbInNhbmRib3g6cmVhZCIsInNhbmRib3g6ZXhlYyJdfQ"
    + ".x8qvv0QnfIoNEsAv9o6ut6ULYzzPsfuoMSQIuCWVd3Y"

  private func verify(_ token: String, now: Int64 = issuedAt) throws -> JWTClaims {
    try JWT.verify(token, secret: Self.secret, now: now).claims
  }

  /// A token of any header and claims, rightly signed with HS256.
  private func token(
    header: String = #"{"alg":"HS256"}"#, claims: String, secret: [UInt8] = secret
  ) -> String {
    let signed = [header, claims].map { Base64URL.encode(Array($0.utf8)) }.joined(separator: ".")
    return signed + "." + Base64URL.encode(HMACSHA256.code(for: Array(signed.utf8), key: secret))
  }

  private static let plainClaims =
    #"{"sub":"ci","role":"user","iat":1700000000,"exp":1700000900}"#

  @Test func verifiesATokenOfPyJWTAndSignsTheSameBytes() throws {
    #expect(try verify(Self.pyJWT) == Self.claims)
    #expect(JWT.sign(Self.claims, secret: Self.secret) == Self.pyJWT)
  }

  /// RFC 7515 §A.1: its signature is right, its claims aren't ours.
  @Test func findsTheSignatureOfTheRFCsExampleRight() throws {
    let key = try #require(
      Base64URL.decode(
        "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_"
          + "T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"))
    let example =
      "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0"
      + "dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    #expect(throws: JWTError.invalidClaims) { try JWT.verify(example, secret: key, now: 0) }
    #expect(throws: JWTError.badSignature) { try verify(example) }
  }

  @Test func readsTimesWithAFraction() throws {
    let claims = #"{"sub":"ci","role":"user","iat":1700000000.75,"exp":1700000900.25}"#
    #expect(try verify(token(claims: claims)).issuedAt == 1_700_000_000)
    #expect(throws: JWTError.expired) {
      try verify(token(claims: claims), now: 1_700_000_900)
    }
  }

  @Test func refusesEveryChangeOfEveryByte() {
    let original = Array(Self.pyJWT.utf8)
    for index in original.indices {
      for replacement in Array("Aa9-_.= ".utf8) + [original[index] ^ 1, 0, 0xFF]
      where replacement != original[index] {
        var changed = original
        changed[index] = replacement
        #expect(throws: JWTError.self, "byte \(index)") {
          try verify(String(decoding: changed, as: UTF8.self))
        }
      }
    }
  }

  @Test func refusesEveryTruncationAndExtension() {
    for length in 0..<Self.pyJWT.utf8.count {
      #expect(throws: JWTError.self) { try verify(String(Self.pyJWT.prefix(length))) }
    }
    for suffix in ["A", ".", "=", ".A", " "] {
      #expect(throws: JWTError.self) { try verify(Self.pyJWT + suffix) }
    }
  }

  @Test func refusesAnotherSecret() {
    #expect(throws: JWTError.badSignature) {
      try verify(token(claims: Self.plainClaims, secret: Self.secret + [0x21]))
    }
  }

  @Test(arguments: [
    #"{"alg":"none"}"#, #"{"alg":"None"}"#, #"{"alg":""}"#, #"{"alg":"hs256"}"#,
    #"{"alg":"HS384"}"#,
    #"{"alg":"HS512"}"#, #"{"alg":"RS256"}"#, #"{"alg":"ES256"}"#, #"{"alg":"HS256 "}"#,
  ])
  func refusesEveryOtherAlgorithmEvenWithARightSignature(header: String) throws {
    let token = token(header: header, claims: Self.plainClaims)
    #expect(throws: JWTError.unsupportedAlgorithm) { try verify(token) }
    let unsigned = token.prefix(through: try #require(token.lastIndex(of: ".")))
    #expect(throws: JWTError.unsupportedAlgorithm) { try verify(String(unsigned)) }
  }

  @Test(arguments: [
    "{}", "[]", "", #"{"alg":1}"#, #"{"alg":["HS256"]}"#, #"{"alg":null}"#,
    #"{"alg":"HS256","alg":"none"}"#, #"{"alg":"HS256","crit":[]}"#,
    #"{"alg":"HS256","crit":["exp"]}"#,
    #"{"alg":"HS256","typ":"JWE"}"#, #"{"alg":"HS256","typ":1}"#, #"{"alg":"HS256"} x"#,
  ])
  func refusesOtherHeaders(header: String) {
    #expect(throws: JWTError.malformed) {
      try verify(token(header: header, claims: Self.plainClaims))
    }
  }

  @Test(arguments: [
    #"{"alg":"HS256"}"#, #"{"typ":"jwt","alg":"HS256"}"#, #"{"alg":"HS256","kid":"1"}"#,
  ])
  func acceptsAHeaderWithOrWithoutItsOptionalMembers(header: String) throws {
    #expect(try verify(token(header: header, claims: Self.plainClaims)).subject == "ci")
  }

  @Test(arguments: ["", ".", "..", "...", "a.b", "a.b.c.d", "é.é.é", "x.y.z"])
  func refusesWhatIsNotThreeParts(token: String) {
    #expect(throws: JWTError.malformed) { try verify(token) }
  }

  @Test func refusesALongTokenBeforeItReadsIt() throws {
    let padding = String(repeating: "x", count: 4096)
    let claims = #"{"sub":"ci","role":"user","iat":1700000000,"exp":1700000900,"x":"\#(padding)"}"#
    #expect(throws: JWTError.malformed) { try verify(token(claims: claims)) }
    let shorter = claims.replacing(padding, with: padding.prefix(2000))
    #expect(try verify(token(claims: shorter)).subject == "ci")
  }

  @Test func isValidUntilTheSecondOfItsExpiry() throws {
    #expect(try verify(Self.pyJWT, now: Self.issuedAt + 899) == Self.claims)
    for now in [Self.issuedAt + 900, Int64.max - 60] {
      #expect(throws: JWTError.expired) { try verify(Self.pyJWT, now: now) }
    }
  }

  @Test func toleratesAMinuteOfClockDifference() throws {
    #expect(try verify(Self.pyJWT, now: Self.issuedAt - 60) == Self.claims)
    #expect(throws: JWTError.notYetValid) { try verify(Self.pyJWT, now: Self.issuedAt - 61) }
  }

  @Test func honoursNotBefore() throws {
    func claims(_ notBefore: String) -> String {
      #"{"sub":"ci","role":"user","iat":1700000000,"exp":1700000900,"nbf":\#(notBefore)}"#
    }
    #expect(try verify(token(claims: claims("1700000060"))).subject == "ci")
    #expect(throws: JWTError.notYetValid) { try verify(token(claims: claims("1700000061"))) }
    #expect(throws: JWTError.invalidClaims) { try verify(token(claims: claims("\"x\""))) }
  }

  @Test(arguments: [
    "", "[]", "{}", #"{"role":"user","iat":1,"exp":1700000900}"#,
    #"{"sub":"","role":"user","iat":1,"exp":1700000900}"#,
    #"{"sub":1,"role":"user","iat":1,"exp":1700000900}"#, #"{"sub":"a","iat":1,"exp":1700000900}"#,
    #"{"sub":"a","role":"root","iat":1,"exp":1700000900}"#,
    #"{"sub":"a","role":"user","exp":1700000900}"#,
    #"{"sub":"a","role":"user","iat":1}"#, #"{"sub":"a","role":"user","iat":"1","exp":1700000900}"#,
    #"{"sub":"a","role":"user","iat":1,"exp":"1700000900"}"#,
    #"{"sub":"a","role":"user","iat":1,"exp":1e300}"#,
    #"{"sub":"a","role":"user","iat":1,"exp":null}"#,
    #"{"sub":"a","role":"user","iat":1,"exp":1700000900,"exp":1}"#,
    #"{"sub":"a","role":"user","iat":1,"exp":1700000900,"permissions":"sandbox:read"}"#,
    #"{"sub":"a","role":"user","iat":1,"exp":1700000900,"permissions":["sandbox:fly"]}"#,
    #"{"sub":"a","role":"user","iat":1,"exp":1700000900,"permissions":[1]}"#,
    #"{"sub":"a","role":"user","iat":1,"exp":1700000900,"permissions":null}"#,
  ])
  func refusesClaimsOfTheWrongKind(claims: String) {
    #expect(throws: JWTError.invalidClaims) { try verify(token(claims: claims)) }
    #expect(throws: JWTError.badSignature) { try verify(token(claims: claims, secret: [1])) }
  }
}
