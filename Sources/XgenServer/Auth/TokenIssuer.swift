/// Why a credential is refused.
enum AuthenticationError: Error, Equatable, Sendable {
  case token(JWTError)
  /// No key has this hash.
  case unknownKey
  /// The token is good, its key is gone.
  case removedKey
}

/// Turns credentials into principals, and API keys into short-lived tokens.
///
/// Time is a parameter: Unix seconds.
struct TokenIssuer: Sendable {
  static let lifetimeSeconds: Int64 = 15 * 60
  /// As long as the hash (RFC 7518 §3.2).
  static let minimumSecretLength = 32

  /// The keys that are valid now; a reload replaces them.
  var keys: APIKeyStore
  private let secret: [UInt8]

  /// Nil if the secret is shorter than `minimumSecretLength`.
  init?(secret: [UInt8], keys: APIKeyStore) {
    guard secret.count >= Self.minimumSecretLength else { return nil }
    self.secret = secret
    self.keys = keys
  }

  /// A secret for something else than tokens, of 32 bytes: as secret, and as lasting, as theirs.
  func derivedSecret(for purpose: String) -> [UInt8] {
    HMACSHA256.code(for: Array(purpose.utf8), key: secret)
  }

  /// A token with the principal's rights, and the Unix second at which it ends. Permissions are
  /// spelled out only where they are fewer than the role's.
  func issue(for principal: Principal, now: Int64) -> (token: String, expiresAt: Int64) {
    let expiresAt = now + Self.lifetimeSeconds
    let isRestricted = principal.permissions != principal.role.permissions
    let claims = JWTClaims(
      subject: principal.name, role: principal.role, issuedAt: now, expiresAt: expiresAt,
      permissions: isRestricted ? principal.permissions : nil)
    return (JWT.sign(claims, secret: secret), expiresAt)
  }

  func authenticate(
    _ credential: Credential, now: Int64
  ) throws(AuthenticationError) -> Principal {
    switch credential {
    case .bearer(let token): return try authenticate(bearer: token, now: now)
    case .apiKey(let key): return try authenticate(apiKey: key)
    }
  }

  /// What the token's bearer may do now, which may be less than when it was issued.
  func authenticate(bearer token: String, now: Int64) throws(AuthenticationError) -> Principal {
    try verify(bearer: token, now: now).principal
  }

  /// The same, and the Unix seconds in which it is so while the keys stay what they are.
  func verify(
    bearer token: String, now: Int64
  ) throws(AuthenticationError) -> (principal: Principal, times: Range<Int64>) {
    do throws(JWTError) {
      let (claims, times) = try JWT.verify(token, secret: secret, now: now)
      if let principal = keys.principal(for: claims) { return (principal, times) }
    } catch {
      throw .token(error)
    }
    throw .removedKey
  }

  /// Whether a token is of our making, be it expired, or is one of the API keys: what nobody else
  /// may get to see.
  func made(_ token: String) -> Bool {
    JWT.isSigned(token, secret: secret) || keys.holds(key: token)
  }

  func authenticate(apiKey key: String) throws(AuthenticationError) -> Principal {
    guard let principal = keys.authenticate(key: key) else { throw .unknownKey }
    return principal
  }
}

extension TokenIssuer: CustomStringConvertible {
  /// Without the secret.
  var description: String { "TokenIssuer" }
}
