/// A line of the ledger's file: a JSON object that says what must be known after a sandbox's end.
///
/// ```
/// {"key":"<sha256>","body":"<sha256>","owner":"ci","id":"…","at_ms":…,"status":"starting","expires_at_ms":…}
/// {"end":"deleted","owner":"ci","id":"…","at_ms":…}
/// ```
enum LedgerEntry: Equatable, Sendable {
  case claim(IdempotencyClaim)
  case end(Tombstones.Entry)

  /// With the line's end.
  var line: [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    switch self {
    case .claim(let claim): writer.claim(claim)
    case .end(let stone): writer.end(stone)
    }
    writer.endObject()
    return writer.bytes + [UInt8(ascii: "\n")]
  }

  /// Nil for what `line` would not have written, such as a line that a crash cut off.
  init?(line: some Collection<UInt8>) {
    guard let value = try? JSONParser.parse(Array(line)), let fields = try? JSONFields(value) else {
      return nil
    }
    do throws(FieldError) {
      if let end = try fields.string("end") {
        guard let stone = try Tombstones.Entry(end, fields) else { return nil }
        self = .end(stone)
      } else {
        guard let claim = try IdempotencyClaim(fields) else { return nil }
        self = .claim(claim)
      }
    } catch {
      return nil
    }
  }

  static func entries(_ file: [UInt8]) -> [LedgerEntry] {
    file.split(separator: UInt8(ascii: "\n")).compactMap { LedgerEntry(line: $0) }
  }
}

extension JSONWriter {
  fileprivate mutating func claim(_ claim: IdempotencyClaim) {
    member("key", claim.key.hash)
    member("body", claim.bodyHash)
    member("owner", claim.key.owner)
    member("id", claim.sandboxID)
    member("at_ms", claim.createdAtMs)
    member("status", claim.status.rawValue)
    member("expires_at_ms", claim.expiresAtMs)
  }

  fileprivate mutating func end(_ stone: Tombstones.Entry) {
    member("end", stone.end.rawValue)
    member("owner", stone.owner)
    member("id", stone.id)
    member("at_ms", stone.atMs)
  }

  private mutating func member(_ name: String, _ text: String) {
    key(name)
    string(text)
  }

  private mutating func member(_ name: String, _ number: Int64) {
    key(name)
    int(number)
  }
}

extension IdempotencyClaim {
  fileprivate init?(_ fields: JSONFields) throws(FieldError) {
    guard let createdAtMs = try fields.moment("at_ms"),
      let expiresAtMs = try fields.moment("expires_at_ms"),
      let status = SandboxStatus(rawValue: try fields.requiredString("status"))
    else { return nil }
    self.init(
      key: IdempotencyKey(
        owner: try fields.requiredString("owner"), hash: try fields.requiredString("key")),
      bodyHash: try fields.requiredString("body"), sandboxID: try fields.requiredString("id"),
      createdAtMs: createdAtMs, status: status, expiresAtMs: expiresAtMs)
  }
}

extension Tombstones.Entry {
  fileprivate init?(_ reason: String, _ fields: JSONFields) throws(FieldError) {
    guard let end = SandboxEnd(rawValue: reason), let atMs = try fields.moment("at_ms") else {
      return nil
    }
    self.init(
      id: try fields.requiredString("id"), owner: try fields.requiredString("owner"), end: end,
      atMs: atMs)
  }
}
