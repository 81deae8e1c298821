/// Why a sandbox ended.
enum SandboxEnd: String, Sendable {
  /// By a client: 404 from then on.
  case deleted
  // By the server: 410 from then on.
  case expired, shutdown
  /// By the cluster, or by somebody who deleted its pod.
  case evicted

  case failedToStart
}

/// The ends of the last five minutes, bounded in number.
struct Tombstones {
  struct Entry: Sendable, Equatable {
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
  /// By age. An id may end twice, if it is derived: the last end counts.
  private var order: [Entry] = []

  mutating func add(_ entry: Entry) {
    byID[entry.id] = entry
    order.append(entry)
    if order.count > Limits.maxTombstones { drop(1) }
  }

  func entry(_ id: String) -> Entry? { byID[id] }

  /// Oldest first.
  var entries: [Entry] { order.filter { byID[$0.id] == $0 } }

  /// Drops what ended longer ago than `Limits.tombstoneMs`.
  mutating func sweep(nowMs: Int64) {
    drop(order.firstIndex { nowMs - $0.atMs < Limits.tombstoneMs } ?? order.count)
  }

  private mutating func drop(_ count: Int) {
    for entry in order.prefix(count) where byID[entry.id] == entry { byID[entry.id] = nil }
    order.removeFirst(count)
  }
}
