internal import Glibc
internal import Reactor

/// Finds out who asks, from a request's headers, and whether a route is theirs.
struct Authorizer {
  var tokens: TokenIssuer
  let now: @Sendable () -> Int64

  /// The marker that browsers offer beside `bearer.<token>`, since they can't set headers.
  static let subprotocolName = "xgen.v1"
  private static let bearerPrefix = "bearer."

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

  private func caller(_ head: HTTPRequestHead, _ token: String?) throws(APIError) -> Principal {
    guard let credential = try credential(head, token) else {
      throw .unauthorized(
        "send 'Authorization: Bearer <token>' (POST /api/v1/auth/token) or 'ApiKey <key>'",
        .missing)
    }
    do throws(AuthenticationError) {
      return try tokens.authenticate(credential, now: now())
    } catch {
      throw .unauthenticated(error)
    }
  }

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
