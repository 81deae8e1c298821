/// Who holds the lease, and what this replica does about it. Pure: it reads no clock and no network.
///
/// Times of others are never compared with ours: a lease counts as held for its duration from when
/// this replica has *seen* it change, by its own monotonic clock. The holder stops acting
/// `renewDeadlineMs` after it last began a renewal that succeeded, which is sooner than anybody else
/// may begin. (The rules are those of client-go's `leaderelection`.)
struct LeaseElection: Sendable {
  /// A lease as it was read.
  struct Observed: Sendable, Equatable {
    /// Empty: nobody.
    let holder: String
    let durationSeconds: Int
    let transitions: Int
    let resourceVersion: String
  }

  enum Action: Sendable, Equatable {
    /// There is none: make it.
    case create
    /// Write our name into it, at that resourceVersion.
    case take(resourceVersion: String, transitions: Int)
    case renew(resourceVersion: String, transitions: Int)
    /// Another one holds it.
    case wait
  }

  let identity: String
  let renewDeadlineMs: UInt64
  private var seen: Observed?
  private var seenAtMs: UInt64 = 0
  private var renewedAtMs: UInt64?

  init(identity: String, renewDeadlineMs: UInt64) {
    self.identity = identity
    self.renewDeadlineMs = renewDeadlineMs
  }

  /// Whether this replica may act as the leader.
  func isLeading(_ nowMs: UInt64) -> Bool {
    guard let renewedAtMs else { return false }
    return nowMs - renewedAtMs < renewDeadlineMs
  }

  /// When it stops leading, unless it renews; nil if it does not lead.
  var leadsUntilMs: UInt64? { renewedAtMs.map { $0 + renewDeadlineMs } }

  /// What to do with the lease as it is now (nil: there is none).
  mutating func look(at lease: Observed?, nowMs: UInt64) -> Action {
    if lease != seen {
      seen = lease
      seenAtMs = nowMs
    }
    guard let lease else { return .create }
    if lease.holder == identity {
      return .renew(resourceVersion: lease.resourceVersion, transitions: lease.transitions)
    }
    renewedAtMs = nil
    let isOver = nowMs - seenAtMs >= UInt64(max(lease.durationSeconds, 1)) * 1000
    guard lease.holder.isEmpty || isOver else { return .wait }
    return .take(
      resourceVersion: lease.resourceVersion, transitions: lease.transitions + 1)
  }

  /// The write that began at `startedMs` has succeeded, with this result.
  mutating func didWrite(_ lease: Observed, startedMs: UInt64, nowMs: UInt64) {
    seen = lease
    seenAtMs = nowMs
    renewedAtMs = lease.holder == identity ? startedMs : nil
  }

  /// The lease is given up, or lost.
  mutating func resign() { renewedAtMs = nil }
}
