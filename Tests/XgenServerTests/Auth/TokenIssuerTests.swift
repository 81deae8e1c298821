import Testing

@testable import XgenServer

/// An entry of the key file for the key "key-of-ci", whose hash is Python's hashlib's.
private func keyEntry(role: String = "user", more: String = "") -> String {
  let digest = "e9c893f01a06c7a7a151f3217c9f51b0992615a91e173540357ee7a77b934cbd"
  return #"{"name":"ci","key_sha256":"\#(digest)","role":"\#(role)"\#(more)}"#
}

@Suite struct TokenIssuerTests {
  private static let secret = [UInt8](repeating: 7, count: 32)
  private static let now: Int64 = 1_700_000_000

  private func issuer(_ entries: String...) throws -> TokenIssuer {
    let keys = try APIKeyStore(file: Array("[\(entries.joined(separator: ","))]".utf8))
    return try #require(TokenIssuer(secret: Self.secret, keys: keys))
  }

  @Test func issuesTokensOfFifteenMinutes() throws {
    let issuer = try issuer(keyEntry())
    let principal = try issuer.authenticate(.apiKey("key-of-ci"), now: Self.now)
    let (token, expiresAt) = issuer.issue(for: principal, now: Self.now)
    #expect(expiresAt == Self.now + 900)
    #expect(try issuer.authenticate(.bearer(token), now: expiresAt - 1) == principal)
    #expect(throws: AuthenticationError.token(.expired)) {
      try issuer.authenticate(bearer: token, now: expiresAt)
    }
  }

  @Test func refusesUnknownKeysAndForeignTokens() throws {
    let issuer = try issuer(keyEntry())
    #expect(throws: AuthenticationError.unknownKey) {
      try issuer.authenticate(.apiKey("nobody"), now: Self.now)
    }
    let other = try #require(
      TokenIssuer(secret: .init(repeating: 8, count: 32), keys: issuer.keys))
    let (token, _) = other.issue(for: Principal(name: "ci", role: .user), now: Self.now)
    #expect(throws: AuthenticationError.token(.badSignature)) {
      try issuer.authenticate(bearer: token, now: Self.now)
    }
  }

  @Test func aTokenEndsWithItsKey() throws {
    var issuer = try issuer(keyEntry())
    let (token, _) = issuer.issue(for: Principal(name: "ci", role: .user), now: Self.now)
    _ = try issuer.authenticate(bearer: token, now: Self.now)
    issuer.keys = try APIKeyStore()
    #expect(throws: AuthenticationError.removedKey) {
      try issuer.authenticate(bearer: token, now: Self.now)
    }
  }

  @Test func aTokenNeverOutlivesTheRightsOfItsKey() throws {
    let (token, _) = try issuer(keyEntry(role: "admin"))
      .issue(for: Principal(name: "ci", role: .admin), now: Self.now)
    let demoted = try issuer(keyEntry(role: "viewer")).authenticate(bearer: token, now: Self.now)
    #expect(demoted == Principal(name: "ci", role: .viewer))
    let narrowed = try issuer(keyEntry(role: "user", more: #","permissions":["sandbox:exec"]"#))
      .authenticate(bearer: token, now: Self.now)
    #expect(narrowed == Principal(name: "ci", role: .user, permissions: [.sandboxExec]))
  }

  @Test func aKeyThatGainsRightsDoesNotWidenATokenOfItsPast() throws {
    let restricted = Principal(name: "ci", role: .user, permissions: [.sandboxRead])
    let (token, _) = try issuer(keyEntry()).issue(for: restricted, now: Self.now)
    let now = try issuer(keyEntry(role: "admin")).authenticate(bearer: token, now: Self.now)
    #expect(now == restricted)
    let nothing = Principal(name: "ci", role: .user, permissions: [])
    let (useless, _) = try issuer(keyEntry()).issue(for: nothing, now: Self.now)
    let still = try issuer(keyEntry(role: "admin")).authenticate(bearer: useless, now: Self.now)
    #expect(still.permissions.isEmpty)
  }

  @Test func putsPermissionsIntoTheTokenOnlyWhereTheyNarrowTheRole() throws {
    let issuer = try issuer(keyEntry())
    func claims(_ principal: Principal) throws -> JWTClaims {
      let (token, _) = issuer.issue(for: principal, now: Self.now)
      return try JWT.verify(token, secret: Self.secret, now: Self.now).claims
    }
    #expect(try claims(Principal(name: "ci", role: .user)).permissions == nil)
    let narrow = Principal(name: "ci", role: .user, permissions: [.sandboxExec])
    #expect(try claims(narrow).permissions == [.sandboxExec])
  }

  @Test func demandsASecretOf32Bytes() throws {
    #expect(TokenIssuer(secret: .init(repeating: 1, count: 31), keys: try APIKeyStore()) == nil)
    #expect(TokenIssuer(secret: .init(repeating: 1, count: 32), keys: try APIKeyStore()) != nil)
  }

  @Test func neverPrintsItsSecret() throws {
    #expect("\(try issuer())" == "TokenIssuer")
  }
}
