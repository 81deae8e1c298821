internal import Reactor

/// What an Idempotency-Key header makes of a request: whose key, and a mark of the body, so that
/// a repetition is told from another request. Only hashes are kept.
struct IdempotencyKey: Hashable, Sendable {
  /// Name of the API key, to which it belongs: two clients may choose the same text.
  let owner: String
  /// SHA-256 of the header's value, lower-case hex.
  let hash: String

  static let fieldName = "Idempotency-Key"
  static let maxBytes = 255

  init(owner: String, text: String) {
    self.init(owner: owner, hash: SHA256.hexHash(Array(text.utf8)))
  }

  init(owner: String, hash: String) {
    self.owner = owner
    self.hash = hash
  }

  /// The header's value, 1–255 visible ASCII characters; nil without one.
  static func text(in head: HTTPRequestHead) throws(FieldError) -> String? {
    let values = head.headers.values(fieldName)
    guard let text = values.first else { return nil }
    if values.count > 1 { throw FieldError(field: fieldName, expectation: "must not be repeated") }
    let isVisible = text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
    guard isVisible, 1...maxBytes ~= text.utf8.count else {
      throw FieldError(
        field: fieldName, expectation: "must be 1 to \(maxBytes) visible ASCII characters")
    }
    return text
  }
}

/// A create request that must have its effect once.
struct IdempotentRequest: Sendable {
  let key: IdempotencyKey
  /// What the record keeps: the key's text, and SHA-256 of the body in lower-case hex.
  let mark: SandboxRecord.Idempotency

  init(owner: String, text: String, body: [UInt8]) {
    key = IdempotencyKey(owner: owner, text: text)
    mark = SandboxRecord.Idempotency(key: text, bodyHash: SHA256.hexHash(body))
  }

  /// The id of its sandbox: the same on every replica that has the secret, within a window.
  func sandboxID(secret: [UInt8], nowMs: Int64) -> String {
    // No name and no key holds a line's end, so that two of them can't run together.
    let message = "\(key.owner)\n\(mark.key)\n\(nowMs / Limits.idempotencyMs)"
    return SandboxID.text(of: HMACSHA256.code(for: Array(message.utf8), key: secret))
  }
}
