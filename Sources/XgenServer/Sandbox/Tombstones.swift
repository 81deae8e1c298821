/// Why a sandbox ended.
enum SandboxEnd: String, Sendable {
  /// By a client: 404 from then on.
  case deleted
  // By the server: 410 from then on.
  case expired, shutdown

  case failedToStart
}

/// The ends of the last five minutes, bounded in number.
struct Tombstones {
  struct Entry: Sendable {
    let id: String
    let owner: String
    let end: SandboxEnd
    let atMs: Int64

    /// `reason=… at=…`, as clients are told.
    var details: String {
      "reason=\(end.rawValue) at=\(Timestamp(unixSeconds: atMs / 1000))"
    }
  }

  private var byID: [String: Entry] = [:]
  private var order: [String] = []

  mutating func add(_ entry: Entry) {
    byID[entry.id] = entry
    order.append(entry.id)
    if order.count > Limits.maxTombstones { byID[order.removeFirst()] = nil }
  }

  func entry(_ id: String) -> Entry? { byID[id] }

  /// Drops what ended longer ago than `Limits.tombstoneMs`.
  mutating func sweep(nowMs: Int64) {
    let kept = order.firstIndex { id in
      byID[id].map { nowMs - $0.atMs < Limits.tombstoneMs } ?? false
    }
    for id in order[..<(kept ?? order.count)] { byID[id] = nil }
    order.removeFirst(kept ?? order.count)
  }
}
