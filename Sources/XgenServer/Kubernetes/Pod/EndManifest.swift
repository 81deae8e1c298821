/// The ConfigMap `sbx-{id}-end`: how a sandbox ended, and which Idempotency-Key made it, for as long
/// as either must be known. Its data are lines of the ledger, one under each name. Pure.
struct EndManifest: Sendable, Equatable {
  let stone: Tombstones.Entry
  let claim: IdempotencyClaim?
  /// Of the ConfigMap; nil for one that is yet to be made.
  var uid: String?

  private static let endKey = "end"
  private static let claimKey = "claim"

  func object(namespace: String) -> JSONValue {
    var data: [(String, JSONValue)] = [(Self.endKey, Self.text(.end(stone)))]
    if let claim { data.append((Self.claimKey, Self.text(.claim(claim)))) }
    return .members([
      ("apiVersion", "v1"), ("kind", "ConfigMap"),
      (
        "metadata",
        .members([
          ("name", .string(SandboxNames.end(stone.id))), ("namespace", .string(namespace)),
          ("labels", .members(SandboxNames.labels(.end, id: stone.id))),
        ])
      ),
      ("data", .members(data)),
    ])
  }

  private static func text(_ entry: LedgerEntry) -> JSONValue {
    .string(String(decoding: entry.line.dropLast(), as: UTF8.self))
  }

  init(stone: Tombstones.Entry, claim: IdempotencyClaim?) {
    self.stone = stone
    self.claim = claim
  }

  /// Nil for what `object` would not have written: its name must be that of the sandbox it tells of.
  init?(_ object: JSONValue) {
    guard let text = object["data"]?[Self.endKey]?.stringValue,
      case .end(let stone)? = LedgerEntry(line: text.utf8),
      KubernetesObject.name(object) == SandboxNames.end(stone.id)
    else { return nil }
    self.stone = stone
    uid = KubernetesObject.uid(object)
    if let text = object["data"]?[Self.claimKey]?.stringValue,
      case .claim(let claim)? = LedgerEntry(line: text.utf8), claim.sandboxID == stone.id
    {
      self.claim = claim
    } else {
      claim = nil
    }
  }

  /// It need not be known any more.
  func isOver(nowMs: Int64) -> Bool {
    nowMs - stone.atMs >= Limits.tombstoneMs && (claim?.isOver(nowMs) ?? true)
  }
}
