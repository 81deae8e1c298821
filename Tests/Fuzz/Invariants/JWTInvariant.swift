#if canImport(TestSupport)
  import TestSupport
#endif
#if canImport(XgenServer)
  @testable import XgenServer
#endif

/// Bytes that we did not sign are refused; of header and claims that we sign (the input's first
/// line and the rest), those accepted are valid now, and signed again they are accepted the same;
/// no other byte in a token is accepted. Base64 has one spelling for any bytes.
func checkJWT(_ input: FuzzInput) throws {
  try checkBase64(input.bytes)
  let text = String(decoding: input.bytes, as: UTF8.self)
  if let claims = verify(text) {
    try checkAccepted(claims)
    try checkTampered(text, input)
  }
  guard let lineEnd = input.bytes.firstIndex(of: 0x0A) else { return }
  let token = signed(
    header: Array(input.bytes[..<lineEnd]), claims: Array(input.bytes[(lineEnd + 1)...]))
  if let claims = verify(token) {
    try checkAccepted(claims)
    try checkTampered(token, input)
  }
}

private let secret = Array("a-secret-of-at-least-32-bytes-long!!".utf8)
private let now: Int64 = 1_700_000_000

private func verify(_ token: String) -> JWTClaims? {
  (try? JWT.verify(token, secret: secret, now: now))?.claims
}

private func signed(header: [UInt8], claims: [UInt8]) -> String {
  let signed = "\(Base64URL.encode(header)).\(Base64URL.encode(claims))"
  let code = HMACSHA256.code(for: Array(signed.utf8), key: secret)
  return "\(signed).\(Base64URL.encode(code))"
}

private func checkAccepted(_ claims: JWTClaims) throws {
  try require(claims.expiresAt > now, "expired at \(claims.expiresAt)")
  try require(claims.issuedAt <= now + JWT.clockToleranceSeconds, "issued at \(claims.issuedAt)")
  try require(!claims.subject.isEmpty, "nobody's token")
  let again = JWT.sign(claims, secret: secret)
  // A subject's characters may be written longer than they came.
  try require(
    verify(again) == claims || again.utf8.count > JWT.maxLength, "signed again and refused")
}

private func checkTampered(_ token: String, _ input: FuzzInput) throws {
  let bytes = Array(token.utf8)
  var random = SplitMix64(seed: input.seed)
  for index in [bytes.count - 1, Int.random(in: bytes.indices, using: &random)] {
    var other = bytes
    other[index] = UInt8.random(in: 0...127, using: &random)
    if other[index] == bytes[index] { other[index] ^= 1 }
    let text = String(decoding: other, as: UTF8.self)
    try require(verify(text) == nil, "accepted with another byte at \(index): \(text)")
  }
  try require(
    (try? JWT.verify(token, secret: secret + [0x21], now: now)) == nil, "another secret does")
}

private func checkBase64(_ bytes: [UInt8]) throws {
  let text = String(decoding: bytes, as: UTF8.self)
  if let decoded = Base64URL.decode(text) {
    try require(Base64URL.encode(decoded) == text, "two spellings for a URL: \(text)")
  }
  if let decoded = Base64.decode(text) {
    try require(Base64.encode(decoded) == text, "two spellings: \(text)")
  }
  try require(Base64URL.decode(Base64URL.encode(bytes)) == bytes, "decoded otherwise for a URL")
  try require(Base64.decode(Base64.encode(bytes)) == bytes, "decoded otherwise")
}
