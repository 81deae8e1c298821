internal import Glibc
internal import Reactor

/// Finds out who asks, from a request's headers, and whether a route is theirs.
final class Authorizer {
  /// New keys take the place of the old ones at once, also for tokens that have been seen.
  var tokens: TokenIssuer { didSet { cache.clear() } }
  let now: @Sendable () -> Int64
  private var cache = TokenCache()

  /// The marker that browsers offer beside `bearer.<token>`, since they can't set headers.
  static let subprotocolName = "xgen.v1"
  static let bearerPrefix = "bearer."

  init(tokens: TokenIssuer, now: @escaping @Sendable () -> Int64) {
    self.tokens = tokens
    self.now = now
  }

  /// The caller, with the route's permission; nil on open routes.
  func authorize(
    _ head: HTTPRequestHead, _ route: Route, _ query: HTTPQuery
  ) throws(APIError) -> Principal? {
    let caller = try identify(head, route, query)
    try check(caller, route)
    return caller
  }

  /// The caller, whatever they may do; nil on open routes.
  func identify(
    _ head: HTTPRequestHead, _ route: Route, _ query: HTTPQuery
  ) throws(APIError) -> Principal? {
    switch route.access {
    case .open: nil
    case .permission: try caller(head, nil)
    case .webSocket: try caller(head, query["token"] ?? subprotocolToken(head))
    }
  }

  /// Throws unless the caller has the route's permission.
  func check(_ caller: Principal?, _ route: Route) throws(APIError) {
    switch route.access {
    case .open: return
    case .permission(let permission), .webSocket(let permission):
      if caller?.permissions.contains(permission) == true { return }
      throw .forbidden("this needs the permission \(permission.rawValue)")
    }
  }

  private func caller(
    _ head: HTTPRequestHead, _ token: @autoclosure () -> String?
  ) throws(APIError) -> Principal {
    let now = now()
    if let known = knownBearer(head, now) { return known }
    guard let credential = try credential(head, token()) else {
      throw .unauthorized(
        "send 'Authorization: Bearer <token>' (POST /api/v1/auth/token) or 'ApiKey <key>'",
        .missing)
    }
    do throws(AuthenticationError) {
      return try authenticate(credential, now)
    } catch {
      throw .unauthenticated(error)
    }
  }

  private func authenticate(
    _ credential: Credential, _ now: Int64
  ) throws(AuthenticationError) -> Principal {
    guard case .bearer(let token) = credential else {
      return try tokens.authenticate(credential, now: now)
    }
    let bearer = try tokens.verify(bearer: token, now: now)
    cache.add(token, bearer.principal, validIn: bearer.times)
    return bearer.principal
  }

  /// Who sends the one Authorization header there is, if its token has been seen before.
  private func knownBearer(_ head: HTTPRequestHead, _ now: Int64) -> Principal? {
    head.headers.withFirst("authorization") { value in
      guard let value, let token = Credential.bearerToken(value),
        let known = cache.principal(of: token, now: now),
        head.headers.count(of: "authorization") == 1
      else { return nil }
      return known
    }
  }

  /// Requests a minute of a key that has a limit of its own.
  func rateLimit(of name: String) -> Int? { tokens.keys.entry(named: name)?.rateLimit }

  private func credential(
    _ head: HTTPRequestHead, _ token: String?
  ) throws(APIError) -> Credential? {
    let values = head.headers.values("authorization")
    if values.count > 1 { throw .unauthorized("Authorization is repeated", .malformed) }
    if let value = values.first {
      guard let credential = Credential(authorization: value) else {
        throw .unauthorized(
          "Authorization is neither 'Bearer <token>' nor 'ApiKey <key>'", .malformed)
      }
      return credential
    }
    guard let token else { return nil }
    guard Credential.isToken(token) else {
      throw .unauthorized("the token is malformed", .malformed)
    }
    return .bearer(token)
  }

  private func subprotocolToken(_ head: HTTPRequestHead) -> String? {
    let offered = offeredSubprotocols(head)
    guard offered.contains(Self.subprotocolName) else { return nil }
    return offered.first { $0.hasPrefix(Self.bearerPrefix) }
      .map { String($0.dropFirst(Self.bearerPrefix.count)) }
  }

  /// What a 101 chooses; never the one that carries the token.
  func subprotocol(of head: HTTPRequestHead) -> String? {
    offeredSubprotocols(head).contains(Self.subprotocolName) ? Self.subprotocolName : nil
  }

  /// None where the list is malformed.
  private func offeredSubprotocols(_ head: HTTPRequestHead) -> [String] {
    let values = head.headers.values("sec-websocket-protocol")
    if values.isEmpty { return [] }
    return (try? WebSocketHandshake.parseSubprotocols(values.joined(separator: ", "))) ?? []
  }
}

extension APIError {
  /// The 401 of credentials that were refused.
  static func unauthenticated(_ error: AuthenticationError) -> APIError {
    .unauthorized(message(error), failure(error))
  }

  private static func message(_ error: AuthenticationError) -> String {
    switch error {
    case .token(.expired): "the token has expired: ask for a new one at /api/v1/auth/token"
    case .token: "the token is not valid"
    case .unknownKey: "this API key is not known"
    case .removedKey: "the key of this token has been removed"
    }
  }

  private static func failure(_ error: AuthenticationError) -> AuthFailure {
    switch error {
    case .token(.expired): .expiredToken
    case .token: .invalidToken
    case .unknownKey: .unknownKey
    case .removedKey: .removedKey
    }
  }
}
