internal import Glibc
internal import Synchronization

/// Looks after what sandboxes use where the kernel does not stop them by itself: disks, and kills
/// for want of memory, which happen unseen. One turn at a time, each of bounded work, on a worker.
final class ResourceSweep: Sendable {
  /// A sandbox that runs.
  struct Subject: Sendable {
    let id: String
    let home: String
    let diskBytes: Int64
    let cgroup: SandboxCgroup?
  }

  struct Findings: Sendable {
    /// Of every sandbox whose kernel counts it: processes killed in it so far.
    var memoryKills: [String: UInt64] = [:]
    var disk: [(id: String, verdict: DiskMeter.Verdict)] = []
  }

  private struct Disk {
    var meter: DiskMeter
    var walk: DiskWalk?
    /// When it last had its slice.
    var servedTurn: UInt64 = 0
  }

  private struct State {
    var disks: [String: Disk] = [:]
    var turn: UInt64 = 0
  }

  private let state = Mutex(State())

  /// Blocks for at most about `LocalLimits.diskTurnNs`, and a read per sandbox.
  func turn(_ subjects: [Subject]) -> Findings {
    var findings = Findings()
    for subject in subjects {
      if let cgroup = subject.cgroup { findings.memoryKills[subject.id] = cgroup.memoryKills }
    }
    findings.disk = state.withLock { Self.walkDisks(subjects, &$0) }
    return findings
  }

  private static func walkDisks(
    _ subjects: [Subject], _ state: inout State
  ) -> [(id: String, verdict: DiskMeter.Verdict)] {
    state.turn += 1
    let byID = Dictionary(subjects.map { ($0.id, $0) }, uniquingKeysWith: { $1 })
    state.disks = state.disks.filter { byID[$0.key] != nil }
    for subject in subjects where state.disks[subject.id] == nil {
      state.disks[subject.id] = Disk(meter: DiskMeter(limitBytes: subject.diskBytes))
    }
    var verdicts: [(id: String, verdict: DiskMeter.Verdict)] = []
    let endNs = clockNs() + LocalLimits.diskTurnNs
    for id in due(state) {
      if clockNs() >= endNs { break }
      guard let subject = byID[id], var disk = state.disks[id] else { continue }
      disk.servedTurn = state.turn
      if let verdict = serve(&disk, subject) { verdicts.append((id, verdict)) }
      state.disks[id] = disk
    }
    return verdicts
  }

  /// Those whose time has come, whoever had no slice for longest first. Few walks are in hand at
  /// once, since each holds open folders.
  private static func due(_ state: State) -> [String] {
    let nowMs = clockNs() / 1_000_000
    let inHand = state.disks.values.count { $0.walk != nil }
    let canStart = inHand < LocalLimits.diskWalksAtOnce
    return state.disks.filter {
      $0.value.walk != nil || (canStart && $0.value.meter.dueMs <= nowMs)
    }.sorted { ($0.value.servedTurn, $0.key) < ($1.value.servedTurn, $1.key) }.map(\.key)
  }

  /// One slice of one walk, which may be the whole of it.
  private static func serve(_ disk: inout Disk, _ subject: Subject) -> DiskMeter.Verdict? {
    let startNs = clockNs()
    guard let walk = disk.walk ?? begin(subject) else { return nil }
    let endNs = startNs + LocalLimits.diskSliceNs
    let outcome = walk.resume { clockNs() >= endNs }
    let nowNs = clockNs()
    disk.meter.spend(ns: nowNs - startNs)
    disk.walk = outcome == .unfinished ? walk : nil
    return disk.meter.finish(outcome, nowMs: nowNs / 1_000_000)
  }

  private static func begin(_ subject: Subject) -> DiskWalk? {
    DiskWalk(
      home: subject.home, pids: subject.cgroup?.processes ?? [], limitBytes: subject.diskBytes)
  }

  private static func clockNs() -> UInt64 {
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    return UInt64(now.tv_sec) * 1_000_000_000 + UInt64(now.tv_nsec)
  }
}
