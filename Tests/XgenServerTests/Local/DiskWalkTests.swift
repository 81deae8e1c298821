import Glibc
import Testing

@testable import XgenServer

/// Measuring trees, hostile ones among them.
@Suite struct DiskWalkTests {
  /// A folder that is removed again, however deep.
  private func withHome(_ body: (_ home: String) throws -> Void) throws {
    var template = Array("/tmp/xgen-disk-XXXXXX".utf8CString)
    let home = template.withUnsafeMutableBufferPointer { String(cString: mkdtemp($0.baseAddress!)) }
    defer { try? SandboxRemoval.removeTree(home) }
    try body(home)
  }

  /// A script that nests folders so deep.
  private func nest(_ levels: Int) -> String {
    "python3 -c 'import os\nfor i in range(\(levels)): os.mkdir(\"d\"); os.chdir(\"d\")'"
  }

  private func measure(_ home: String, limit: Int64 = 1 << 40) throws -> DiskWalk.Outcome {
    try #require(DiskWalk(home: home, limitBytes: limit)).resume { false }
  }

  private func bytes(_ home: String) throws -> Int64 {
    guard case .bytes(let bytes) = try measure(home) else { return -1 }
    return bytes
  }

  private func shell(_ home: String, _ script: String) throws {
    let outcome = try HostProgram(
      path: "/bin/sh", arguments: ["-ec", "cd \"$1\"; \(script)", "sh", home]
    ).run(timeoutMs: 60_000)
    try #require(outcome.exitCode == 0, "\(outcome.output)")
  }

  @Test func blocksAreCountedAndHolesAreNot() throws {
    try withHome { home in
      try shell(home, "mkdir -p a/b; head -c 3000000 /dev/zero > a/b/full; sync a/b/full")
      let full = try bytes(home)
      #expect((3_000_000...3_100_000).contains(full))
      try shell(home, "truncate -s 5G a/hole; ln -s / link; mkfifo pipe")
      #expect(try bytes(home) == full + 3 * LocalLimits.minEntryBytes)
    }
  }

  @Test func aFilesNamesShareItsBlocks() throws {
    try withHome { home in
      try shell(home, "head -c 4000000 /dev/zero > one; sync one")
      let one = try bytes(home)
      try shell(home, "mkdir d; for i in 1 2 3; do ln one d/$i; done")
      #expect((one...(one + 10_000)).contains(try bytes(home)))
    }
  }

  @Test func emptyFilesAreNotFree() throws {
    try withHome { home in
      try shell(home, "seq 500 | xargs touch")
      #expect(try bytes(home) == 500 * LocalLimits.minEntryBytes)
    }
  }

  @Test func aWalkInSlicesFindsTheSame() throws {
    try withHome { home in
      try shell(
        home,
        "for i in $(seq 40); do mkdir -p d/d; cd d; seq 20 | xargs touch; done")
      let whole = try bytes(home)
      let walk = try #require(DiskWalk(home: home, limitBytes: 1 << 40))
      var outcome = DiskWalk.Outcome.unfinished
      var slices = 0
      while outcome == .unfinished {
        var steps = 7
        outcome = walk.resume {
          steps -= 1
          return steps < 0
        }
        slices += 1
      }
      #expect(outcome == .bytes(whole))
      #expect(slices > 100)
    }
  }

  @Test func aWalkEndsAtTheLimit() throws {
    try withHome { home in
      try shell(home, "seq 500 | xargs touch")
      var entries = 0
      let limit = 100 * LocalLimits.minEntryBytes
      let walk = try #require(DiskWalk(home: home, limitBytes: limit))
      let outcome = walk.resume {
        entries += 1
        return false
      }
      #expect(outcome == .bytes(limit + LocalLimits.minEntryBytes))
      #expect(entries < 110)
    }
  }

  @Test func treesDeeperThanAnyPathAreMeasuredAndEndlessOnesAreNot() throws {
    try withHome { home in
      try shell(home, nest(5000))
      let deep = try bytes(home)
      #expect(deep >= 5000 * LocalLimits.minEntryBytes)
      #expect(deep % LocalLimits.minEntryBytes == 0)
      try shell(home, "mkdir more; cd more; " + nest(17_000))
      #expect(try measure(home) == .tooDeep)
    }
  }

  @Test func aWalkThatLosesItsWaySaysSo() throws {
    try withHome { home in
      let levels = LocalLimits.openDiskLevels + 3
      let path = Array(repeating: "d", count: levels).joined(separator: "/")
      try shell(home, "mkdir -p \(path)/e aside; touch \(path)/e/1")
      let walk = try #require(DiskWalk(home: home, limitBytes: 1 << 40))
      // Until it stands at the bottom; then its folder is moved to where it never was.
      var entries = 0
      while walk.depth < levels + 1 {
        var calls = 0
        let outcome = walk.resume {
          calls += 1
          return calls > 1
        }
        #expect(outcome == .unfinished)
        entries += 1
        try #require(entries < 1000)
      }
      try shell(home, "mv \(path)/e aside/e")
      #expect(walk.resume { false } == .lost)
    }
  }

  @Test func filesWithoutANameCountWhileTheyAreOpen() throws {
    try withHome { home in
      let path = home + "/gone"
      try shell(home, "head -c 3000000 /dev/zero > gone; sync gone")
      do {
        let file = try OwnedDescriptor.open(path, O_RDONLY)
        let again = try OwnedDescriptor.open(path, O_RDONLY)
        unlink(path)
        let walk = try #require(DiskWalk(home: home, pids: [getpid()], limitBytes: 1 << 40))
        guard case .bytes(let bytes) = walk.resume({ false }) else {
          Issue.record("not measured")
          return
        }
        #expect((3_000_000..<3_100_000).contains(bytes))
        withExtendedLifetime((file.raw, again.raw)) {}
      }
      let walk = try #require(DiskWalk(home: home, pids: [getpid()], limitBytes: 1 << 40))
      #expect(walk.resume { false } == .bytes(0))
    }
  }

  @Test func noLinkLeadsOut() throws {
    try withHome { home in
      try shell(home, "ln -s /usr usr; ln -s . self; ln -s /proc/self/root root")
      #expect(try bytes(home) == 3 * LocalLimits.minEntryBytes)
      #expect(DiskWalk(home: home + "/usr", limitBytes: 1) == nil)
      #expect(DiskWalk(home: home + "/none", limitBytes: 1) == nil)
    }
  }

  // MARK: When to look

  @Test func pausesFollowTheCost() {
    #expect(DiskMeter.pauseMs(costNs: 30_000, isUrgent: false) == 1_000)
    #expect(DiskMeter.pauseMs(costNs: 100_000_000, isUrgent: false) == 10_000)
    #expect(DiskMeter.pauseMs(costNs: 100_000_000, isUrgent: true) == 1_000)
    #expect(DiskMeter.pauseMs(costNs: 1 << 60, isUrgent: true) == 60_000)
  }

  @Test func oneWalkOverTheLimitIsNoVerdict() {
    var meter = DiskMeter(limitBytes: 100)
    #expect(meter.finish(.bytes(50), nowMs: 1_000) == nil)
    #expect(meter.finish(.bytes(101), nowMs: 2_000) == nil)
    #expect(meter.dueMs == 2_000)
    #expect(meter.finish(.bytes(60), nowMs: 2_010) == nil)
    #expect(meter.dueMs == 3_010)
    #expect(meter.finish(.bytes(101), nowMs: 4_000) == nil)
    #expect(meter.finish(.bytes(105), nowMs: 4_010) == .over(usedBytes: 105))
  }

  @Test func aTreeThatIsMovedAllTheTimeIsAVerdict() {
    var meter = DiskMeter(limitBytes: 100)
    for round in 1..<LocalLimits.diskWalksLost {
      #expect(meter.finish(.lost, nowMs: UInt64(round)) == nil)
    }
    #expect(meter.finish(.bytes(1), nowMs: 9) == nil)
    for _ in 1..<LocalLimits.diskWalksLost { #expect(meter.finish(.lost, nowMs: 9) == nil) }
    #expect(meter.finish(.lost, nowMs: 9) != nil)
    #expect(meter.finish(.tooDeep, nowMs: 9) != nil)
  }
}
