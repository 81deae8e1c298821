/// Why a token is refused.
enum JWTError: Error, Equatable, Sendable {
  /// Not three parts of base64url, or a header that is not an object of the known kind.
  case malformed
  /// Any `alg` but HS256, `none` included.
  case unsupportedAlgorithm
  case badSignature
  case expired
  /// Issued, or valid, later than the clocks' tolerance allows.
  case notYetValid
  /// Signed, but a claim is missing or of the wrong kind.
  case invalidClaims
}

/// The claims of our tokens (RFC 7519 §4.1); times in Unix seconds.
struct JWTClaims: Equatable, Sendable {
  /// `sub`: the API key's name.
  let subject: String
  let role: Role
  /// `iat`
  let issuedAt: Int64
  /// `exp`: the first second at which the token is no longer valid.
  let expiresAt: Int64
  /// `permissions`: absent where the role says it all.
  let permissions: Set<Permission>?
}

/// JSON Web Tokens with HMAC-SHA256 (RFC 7519, RFC 7515 §3.1):
/// `base64url(header) "." base64url(claims) "." base64url(HMAC(header "." claims))`.
///
/// Nothing but HS256 is ever computed, so that no header can choose a weaker way.
enum JWT {
  /// Bounds the work for a token that nobody signed.
  static let maxLength = 4096
  /// How far the issuer's clock may be ahead of ours.
  static let clockToleranceSeconds: Int64 = 60
  private static let header = Base64URL.encode(Array(#"{"alg":"HS256","typ":"JWT"}"#.utf8))
  private static let limits = JSONLimits(maxDepth: 4, maxElements: 64)

  static func sign(_ claims: JWTClaims, secret: [UInt8]) -> String {
    let signed = "\(header).\(Base64URL.encode(claims.serialized()))"
    let signature = HMACSHA256.code(for: Array(signed.utf8), key: secret)
    return "\(signed).\(Base64URL.encode(signature))"
  }

  /// The claims of a token that `secret` signed and that is valid at `now`, and the times (Unix
  /// seconds) at which it is valid. The claims are not even decoded before the signature has been
  /// compared.
  static func verify(
    _ token: String, secret: [UInt8], now: Int64
  ) throws(JWTError) -> (claims: JWTClaims, times: Range<Int64>) {
    guard token.utf8.count <= maxLength else { throw .malformed }
    let parts = token.utf8.split(
      separator: UInt8(ascii: "."), maxSplits: 3, omittingEmptySubsequences: false
    ).map { String(Substring($0)) }
    guard parts.count == 3 else { throw .malformed }
    try checkHeader(try object(parts[0], orThrow: .malformed))
    guard let signature = Base64URL.decode(parts[2]) else { throw .malformed }
    let expected = HMACSHA256.code(for: Array("\(parts[0]).\(parts[1])".utf8), key: secret)
    guard constantTimeEquals(signature, expected) else { throw .badSignature }
    let members = try object(parts[1], orThrow: .invalidClaims)
    guard let claims = JWTClaims(members) else { throw .invalidClaims }
    return (claims, try times(claims, notBefore: members["nbf"], now: now))
  }
}

// MARK: Checks

extension JWT {
  /// Whether `secret` signed the token, whatever it claims.
  static func isSigned(_ token: String, secret: [UInt8]) -> Bool {
    guard token.utf8.count <= maxLength, let dot = token.utf8.lastIndex(of: UInt8(ascii: ".")),
      let signature = Base64URL.decode(String(token[token.index(after: dot)...])),
      signature.count == SHA256.byteCount
    else { return false }
    let expected = HMACSHA256.code(for: Array(token[..<dot].utf8), key: secret)
    return constantTimeEquals(signature, expected)
  }

  private static func object(
    _ part: String, orThrow refusal: JWTError
  ) throws(JWTError) -> JSONObject {
    guard let bytes = Base64URL.decode(part),
      let object = (try? JSONParser.parse(bytes, limits: limits))?.objectValue
    else { throw refusal }
    return object
  }

  /// `crit` lists extensions that must be understood (RFC 7515 §4.1.11); we know none.
  private static func checkHeader(_ header: JSONObject) throws(JWTError) {
    guard let algorithm = header["alg"]?.stringValue else { throw .malformed }
    guard algorithm == "HS256" else { throw .unsupportedAlgorithm }
    guard header["crit"] == nil else { throw .malformed }
    if let type = header["typ"] {
      guard type.stringValue?.isSpelled("jwt") == true else { throw .malformed }
    }
  }

  /// The times at which a token is valid, of which `now` is one.
  private static func times(
    _ claims: JWTClaims, notBefore: JSONValue?, now: Int64
  ) throws(JWTError) -> Range<Int64> {
    guard now < claims.expiresAt else { throw .expired }
    var first = claims.issuedAt
    if let notBefore {
      guard let seconds = JWTClaims.seconds(notBefore) else { throw .invalidClaims }
      first = max(first, seconds)
    }
    let (earliest, isBelowAll) = first.subtractingReportingOverflow(clockToleranceSeconds)
    guard isBelowAll || earliest <= now else { throw .notYetValid }
    return (isBelowAll ? .min : earliest)..<claims.expiresAt
  }
}

// MARK: Claims as JSON

extension JWTClaims {
  /// Nil if a claim is missing or of the wrong kind. Claims that we don't know are ignored.
  fileprivate init?(_ members: JSONObject) {
    guard let subject = members["sub"]?.stringValue, !subject.isEmpty,
      let role = members["role"]?.stringValue.flatMap(Role.init(rawValue:)),
      let issuedAt = members["iat"].flatMap(Self.seconds),
      let expiresAt = members["exp"].flatMap(Self.seconds)
    else { return nil }
    var permissions: Set<Permission>?
    if let claim = members["permissions"] {
      guard let known = Self.permissions(claim) else { return nil }
      permissions = known
    }
    self.init(
      subject: subject, role: role, issuedAt: issuedAt, expiresAt: expiresAt,
      permissions: permissions)
  }

  /// A NumericDate (RFC 7519 §2), which may have a fraction: its whole seconds.
  fileprivate static func seconds(_ value: JSONValue) -> Int64? {
    if case .double(let number) = value { return Int64(exactly: number.rounded(.down)) }
    return value.intValue
  }

  private static func permissions(_ claim: JSONValue) -> Set<Permission>? {
    guard let names = claim.arrayValue else { return nil }
    let permissions = names.compactMap { $0.stringValue.flatMap(Permission.init(rawValue:)) }
    return permissions.count == names.count ? Set(permissions) : nil
  }

  fileprivate func serialized() -> [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    writer.key("sub")
    writer.string(subject)
    writer.key("role")
    writer.string(role.rawValue)
    writer.key("iat")
    writer.int(issuedAt)
    writer.key("exp")
    writer.int(expiresAt)
    if let permissions {
      writer.key("permissions")
      writer.beginArray()
      for permission in Permission.allCases where permissions.contains(permission) {
        writer.string(permission.rawValue)
      }
      writer.endArray()
    }
    writer.endObject()
    return writer.bytes
  }
}
