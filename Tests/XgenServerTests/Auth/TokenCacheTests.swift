import Reactor
import Synchronization
import Testing

@testable import XgenServer

/// A token that has been verified is known again, for as long as a verification would say the same.
@Suite struct TokenCacheTests {
  private static let now: Int64 = 1_700_000_000
  private static let alice = Principal(name: "alice", role: .user)

  private func look(_ cache: TokenCache, _ token: String, at now: Int64 = now) -> Principal? {
    Array(token.utf8).withUnsafeBytes { cache.principal(of: $0, now: now) }
  }

  private func cache(_ tokens: String...) -> TokenCache {
    var cache = TokenCache()
    for token in tokens { cache.add(token, Self.alice, validIn: Self.now..<Self.now + 900) }
    return cache
  }

  @Test func knowsATokenWhileItsTimesAllowIt() {
    let cache = cache("a.b.c")
    #expect(look(cache, "a.b.c") == Self.alice)
    #expect(look(cache, "a.b.c", at: Self.now + 899) == Self.alice)
    #expect(look(cache, "a.b.c", at: Self.now + 900) == nil)
    #expect(look(cache, "a.b.c", at: Self.now - 1) == nil)
  }

  @Test func knowsNothingButTheWholeToken() {
    let cache = cache("a.b.c")
    for token in ["", "a.b.", "a.b.cc", "A.b.c", "a.b.d", "a.b.c\0"] {
      #expect(look(cache, token) == nil)
    }
    #expect(look(TokenCache(), "a.b.c") == nil)
  }

  @Test func knowsNothingOnceItIsCleared() {
    var cache = cache("a.b.c")
    cache.clear()
    #expect(look(cache, "a.b.c") == nil)
  }

  @Test func keepsNoMoreTokensThanItHasPlaces() {
    var cache = TokenCache()
    let tokens = (0..<TokenCache.entryCount * 8).map { "token.\($0)" }
    for token in tokens { cache.add(token, Self.alice, validIn: Self.now..<Self.now + 1) }
    let known = tokens.count { look(cache, $0) != nil }
    #expect(known > TokenCache.entryCount / 2 && known <= TokenCache.entryCount)
    #expect(look(cache, tokens.last!) != nil)
  }

  @Test func doesNotKeepLongTokens() {
    let longest = String(repeating: "a", count: TokenCache.maxTokenBytes)
    #expect(look(cache(longest), longest) != nil)
    #expect(look(cache(longest + "a"), longest + "a") == nil)
  }
}

/// The same from where the requests come in.
@Suite struct KnownBearerTests {
  private static let issuedAt: Int64 = 1_700_000_000

  private final class Time: Sendable {
    private let seconds = Atomic(KnownBearerTests.issuedAt)

    var now: Int64 {
      get { seconds.load(ordering: .relaxed) }
      set { seconds.store(newValue, ordering: .relaxed) }
    }
  }

  private let time = Time()
  private let authorizer: Authorizer
  private let token: String
  private let route = Route(
    .get, "/", .permission(.sandboxRead), .healthz, synchronous: { _, _ in .empty(204) })

  init() throws {
    let tokens = try #require(
      TokenIssuer(secret: .init(repeating: 7, count: 32), keys: try Self.keys(role: "user")))
    authorizer = Authorizer(tokens: tokens) { [time] in time.now }
    let key = Principal(name: "ci", role: .user)
    token = tokens.issue(for: key, now: Self.issuedAt).token
  }

  private static func keys(role: String?, name: String = "ci") throws -> APIKeyStore {
    let hash = SHA256.hexHash(Array("a-key".utf8))
    let entry = role.map { #"{"name":"\#(name)","key_sha256":"\#(hash)","role":"\#($0)"}"# }
    return try APIKeyStore(file: Array("[\(entry ?? "")]".utf8))
  }

  private func ask(_ lines: String...) throws -> Principal? {
    let lines = lines.isEmpty ? ["Authorization: Bearer \(token)"] : lines
    let text = (["GET / HTTP/1.1", "Host: x"] + lines).joined(separator: "\r\n") + "\r\n\r\n"
    var parser = HTTPRequestParser()
    let parsed = try Array(text.utf8).withUnsafeBytes { try parser.parse($0) }
    return try authorizer.authorize(try #require(parsed?.head), route, HTTPQuery())
  }

  private func message(_ lines: String...) throws -> String {
    do {
      _ = try lines.isEmpty ? ask() : ask(lines[0])
    } catch let error as APIError {
      return error.message
    }
    return ""
  }

  @Test func theSecondRequestIsTheSamePrincipals() throws {
    let first = try ask()
    #expect(first?.name == "ci" && first?.role == .user)
    #expect(try ask() == first)
    #expect(try ask("authorization: bearer \(token)") == first)
    #expect(try ask("Authorization: BEARER   \(token)") == first)
  }

  @Test func aKnownTokenExpiresAllTheSame() throws {
    _ = try ask()
    time.now += TokenIssuer.lifetimeSeconds - 1
    _ = try ask()
    time.now += 1
    #expect(try message().contains("expired"))
  }

  @Test func aKnownTokenIsNotYetValidWhereTheClockIsSetBack() throws {
    _ = try ask()
    time.now -= JWT.clockToleranceSeconds
    _ = try ask()
    time.now -= 1
    #expect(try message() == "the token is not valid")
  }

  @Test func newKeysCountAtOnceForAKnownToken() throws {
    #expect(try ask()?.permissions.contains(.sandboxExec) == true)
    authorizer.tokens.keys = try Self.keys(role: "viewer")
    #expect(try ask()?.permissions == [.sandboxRead])
    authorizer.tokens.keys = try Self.keys(role: "user", name: "another")
    #expect(try message().contains("removed"))
    authorizer.tokens.keys = try Self.keys(role: "user")
    #expect(try ask()?.role == .user)
  }

  @Test func aKnownTokenOfTwoAuthorizationsIsNone() throws {
    _ = try ask()
    let line = "Authorization: Bearer \(token)"
    #expect(throws: APIError.self) { try ask(line, line) }
    #expect(throws: APIError.self) { try ask(line, "Authorization: ApiKey a-key") }
  }

  @Test func aKnownTokenWithAnotherByteIsNone() throws {
    _ = try ask()
    for index in token.indices {
      var other = token
      other.replaceSubrange(index...index, with: token[index] == "A" ? "B" : "A")
      #expect(throws: APIError.self) { try ask("Authorization: Bearer \(other)") }
    }
  }
}
