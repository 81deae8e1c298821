import Reactor
import Testing

@testable import XgenServer

/// Who a request comes from, by all ways a credential may take.
@Suite struct AuthorizerTests {
  private static let now: Int64 = 1_700_000_000
  private let authorizer: Authorizer
  private let token: String

  init() throws {
    let keys = try APIKeyStore(adminKey: "the-key")
    let tokens = try #require(TokenIssuer(secret: .init(repeating: 7, count: 32), keys: keys))
    authorizer = Authorizer(tokens: tokens) { Self.now }
    token = tokens.issue(for: Principal(name: "admin", role: .admin), now: Self.now).token
  }

  private func token(role: Role, issuedAt: Int64 = now) -> String {
    authorizer.tokens.issue(for: Principal(name: "admin", role: role), now: issuedAt).token
  }

  private func route(_ access: Route.Access) -> Route {
    Route(.get, "/", access, .healthz, synchronous: { _, _ in .empty(204) })
  }

  private func authorize(
    _ lines: String..., access: Route.Access = .permission(.sandboxExec), query: String = ""
  ) throws -> Principal? {
    let text = (["GET / HTTP/1.1", "Host: x"] + lines).joined(separator: "\r\n") + "\r\n\r\n"
    var parser = HTTPRequestParser()
    let head = try Array(text.utf8).withUnsafeBytes { try parser.parse($0) }
    return try authorizer.authorize(
      try #require(head?.head), route(access), try HTTPQuery(query))
  }

  private func refusal(_ body: () throws -> Principal?) throws -> APIError {
    do {
      _ = try body()
    } catch let error as APIError {
      return error
    }
    Issue.record("it was let in")
    return .notFound("")
  }

  @Test func openRoutesAskForNothing() throws {
    #expect(try authorize(access: .open) == nil)
    #expect(try authorize("Authorization: nonsense", access: .open) == nil)
  }

  @Test func takesKeysAndTokens() throws {
    #expect(try authorize("Authorization: ApiKey the-key")?.name == "admin")
    #expect(try authorize("authorization: bearer \(token)")?.role == .admin)
  }

  @Test func refusesWithTheSchemesThatItTakes() throws {
    let lines = [
      "X-Other: 1", "Authorization: ", "Authorization: Basic dTpw", "Authorization: Bearer",
      "Authorization: ApiKey wrong", "Authorization: ApiKey \(token)",
      "Authorization: Bearer the-key", "Authorization: Bearer \(token)x",
      "Authorization: Bearer \(token), ApiKey the-key",
    ]
    for line in lines {
      let error = try refusal { try authorize(line) }
      #expect(error.status == 401 && error.code == "UNAUTHORIZED")
      #expect(error.fields.map(\.name) == ["WWW-Authenticate"])
      #expect(!error.message.contains("the-key") && !error.message.contains(token))
    }
  }

  @Test func twoAuthorizationsAreNone() throws {
    let line = "Authorization: ApiKey the-key"
    #expect(try refusal { try authorize(line, line) }.status == 401)
  }

  @Test func anExpiredTokenIsToldSo() throws {
    let old = token(role: .admin, issuedAt: Self.now - 900)
    let error = try refusal { try authorize("Authorization: Bearer \(old)") }
    #expect(error.status == 401 && error.message.contains("expired"))
  }

  @Test func aMissingPermissionIsForbiddenAndNamed() throws {
    let viewer = token(role: .viewer)
    #expect(
      try authorize("Authorization: Bearer \(viewer)", access: .permission(.sandboxRead))?.role
        == .viewer)
    let error = try refusal { try authorize("Authorization: Bearer \(viewer)") }
    #expect(error.status == 403 && error.message.contains("sandbox:exec"))
  }

  // MARK: WebSockets

  @Test func aTokenInTheQueryIsReadOnWebSocketsOnly() throws {
    let socket = Route.Access.webSocket(.sandboxExec)
    #expect(try authorize(access: socket, query: "a=b&token=\(token)")?.name == "admin")
    #expect(try refusal { try authorize(query: "token=\(token)") }.status == 401)
    for query in ["token=", "token=the-key", "Token=\(token)", "token=a%20b"] {
      #expect(try refusal { try authorize(access: socket, query: query) }.status == 401)
    }
  }

  @Test func theHeaderWinsOverTheQuery() throws {
    let socket = Route.Access.webSocket(.sandboxExec)
    let error = try refusal {
      try authorize("Authorization: Bearer wrong", access: socket, query: "token=\(token)")
    }
    #expect(error.status == 401)
  }

  @Test func aSubprotocolPairIsReadOnWebSocketsOnly() throws {
    let socket = Route.Access.webSocket(.sandboxExec)
    let pair = "Sec-WebSocket-Protocol: xgen.v1, bearer.\(token)"
    #expect(try authorize(pair, access: socket)?.name == "admin")
    #expect(
      try authorize(
        "Sec-WebSocket-Protocol: bearer.\(token)", "Sec-WebSocket-Protocol: xgen.v1",
        access: socket)?.name == "admin")
    #expect(try refusal { try authorize(pair) }.status == 401)
    let others = [
      "Sec-WebSocket-Protocol: bearer.\(token)", "Sec-WebSocket-Protocol: xgen.v1",
      "Sec-WebSocket-Protocol: xgen.v1, bearer.",
      "Sec-WebSocket-Protocol: xgen.v2, bearer.\(token)",
      "Sec-WebSocket-Protocol: xgen.v1, bearer.\(token), ;",
    ]
    for line in others {
      #expect(try refusal { try authorize(line, access: socket) }.status == 401)
    }
  }

  @Test func theChosenSubprotocolIsNeverTheToken() throws {
    let pair = try requestHead("Sec-WebSocket-Protocol: bearer.\(token), xgen.v1")
    #expect(authorizer.subprotocol(of: pair) == "xgen.v1")
    #expect(authorizer.subprotocol(of: try requestHead("Sec-WebSocket-Protocol: chat")) == nil)
    #expect(authorizer.subprotocol(of: try requestHead()) == nil)
  }
}
