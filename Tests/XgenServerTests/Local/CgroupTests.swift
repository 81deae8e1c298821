import Testing

@testable import XgenServer

/// The pure parts of cgroups: where they are, and what is written into them.
@Suite struct CgroupTests {
  private func mounts(_ mountinfo: String, _ membership: String) -> [CgroupMount] {
    CgroupMount.parse(mountinfo: Array(mountinfo.utf8), membership: Array(membership.utf8))
  }

  @Test func hierarchiesOfBothVersionsAreFound() {
    let found = mounts(
      """
      23 27 0:22 / /sys rw,relatime - sysfs sysfs rw
      32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct
      35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
      36 31 0:33 / /sys/fs/cgroup/devices rw,relatime - cgroup cgroup rw,devices
      40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd
      41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
      99 31 0:32 / /mnt/again rw,relatime - cgroup cgroup rw,memory

      """,
      "4:memory:/a/b\n2:cpuacct,cpu:/\n1:name=systemd:/x\n0::/init.scope\n")
    #expect(
      found == [
        CgroupMount(
          version: .v1, controllers: [.cpu], mountPoint: "/sys/fs/cgroup/cpu,cpuacct",
          ownFolder: "/sys/fs/cgroup/cpu,cpuacct"),
        CgroupMount(
          version: .v1, controllers: [.memory], mountPoint: "/sys/fs/cgroup/memory",
          ownFolder: "/sys/fs/cgroup/memory/a/b"),
        CgroupMount(
          version: .v2, controllers: [], mountPoint: "/sys/fs/cgroup/unified",
          ownFolder: "/sys/fs/cgroup/unified/init.scope"),
      ])
  }

  /// In a container the mount shows a part of the hierarchy.
  @Test(arguments: [
    ("/docker/c1", "/docker/c1", "/cg"), ("/docker/c1", "/docker/c1/sub", "/cg/sub"),
    ("/", "/", "/cg"), ("/", "/a:b", "/cg/a:b"), ("/docker/c1", "/docker/c12", nil),
    ("/docker/c1", "/", nil), ("/", "/../other", nil),
    // To the kernel, an accent ends no name.
    ("/", "/../\u{301}other", nil), ("/", "/a\r", "/cg/a\r"),
  ])
  func ourPlaceIsToldFromTheMountsRoot(_ root: String, _ path: String, _ folder: String?) {
    let found = mounts("1 1 0:1 \(root) /cg rw - cgroup2 cgroup2 rw", "0::\(path)")
    #expect(found.map(\.ownFolder) == [folder])
  }

  @Test func escapesInPathsAreRead() {
    let found = mounts("1 1 0:1 / /a\\040b\\134 rw - cgroup2 cgroup2 rw", "0::/c d")
    #expect(found.first?.ownFolder == "/a b\\/c d")
    let other = mounts("1 1 0:1 / /a\\+12\\4 rw - cgroup2 cgroup2 rw", "0::/")
    #expect(other.first?.ownFolder == "/a\\+12\\4")
  }

  @Test(arguments: [
    "", "\n", "1 1 0:1 / /cg rw", "1 1 0:1 / /cg rw - cgroup2", "1 - cgroup cgroup rw,cpu",
    "1 1 0:1 / /cg rw - cgroup cgroup rw", "- - - - - - - - - -",
    "1 1 0:1 / cg rw - cgroup2 cgroup2 rw",
  ])
  func linesThatMakeNoSenseAreSkipped(_ line: String) {
    #expect(mounts(line, "0::/").isEmpty)
    #expect(mounts("1 1 0:1 / /cg rw - cgroup2 cgroup2 rw", line).first?.ownFolder == nil)
  }

  @Test func limitsAreWrittenInEitherInterface() {
    let limits = CgroupLimits(cpuMilli: 1500, memoryBytes: 256 << 20, pids: 520)
    let all = Set(CgroupController.allCases)
    #expect(
      limits.entries(all, .v1).map { "\($0.file)=\($0.value)" } == [
        "cpu.cfs_period_us=100000", "cpu.cfs_quota_us=150000", "cpu.shares=1536",
        "memory.limit_in_bytes=268435456", "memory.memsw.limit_in_bytes=268435456",
        "pids.max=520",
      ])
    #expect(
      limits.entries(all, .v2).map { "\($0.file)=\($0.value)" } == [
        "cpu.max=150000 100000", "cpu.weight=59", "memory.max=268435456", "memory.swap.max=0",
        "pids.max=520",
      ])
    #expect(limits.entries([.pids], .v1).map(\.file) == ["pids.max"])
  }

  /// The least cpu that can be asked for is above the kernel's least quota, 1 ms.
  @Test func theLeastLimitsAreInTheKernelsRange() {
    let least = CgroupLimits(cpuMilli: 50, memoryBytes: 32 << 20, pids: 1)
    let entries = least.entries([.cpu], .v1) + least.entries([.cpu], .v2)
    #expect(entries.map(\.value) == ["100000", "5000", "51", "5000 100000", "2"])
  }

  @Test func killsAreReadFromEitherFile() {
    #expect(CgroupFolder.memoryKills("oom_kill_disable 0\nunder_oom 0\noom_kill 3\n") == 3)
    #expect(CgroupFolder.memoryKills("low 0\nmax 9\noom 2\noom_kill 1\noom_group_kill 0\n") == 1)
    for other in ["", "oom_kill", "oom_kill x", "oom_kill 1 2"] {
      #expect(CgroupFolder.memoryKills(other) == nil)
    }
  }

  @Test func theRegistryReadsOnlyWhatItWrites() {
    let folder = CgroupFolder(
      version: .v1, controllers: [.memory, .cpu], path: "/sys/fs/cgroup/a b/xgen-00ff")
    let line = CgroupRegistry.line(folder)
    #expect(line == "v1 cpu,memory /sys/fs/cgroup/a b/xgen-00ff")
    #expect(CgroupRegistry.parse(line + "\n") == [folder])
    for other in [
      "", "v3 cpu /c/xgen-1", "v1 cpu c/xgen-1", "v1 gpu /c/xgen-1", "v1 cpu /c/other",
      "v1 cpu /c/../xgen-1", "v1 cpu /c/../\u{301}d/xgen-1", "v1 , /c/xgen-1", "v1 cpu",
    ] { #expect(CgroupRegistry.parse(other).isEmpty) }
    let many = String(repeating: line + "\n", count: 10_000)
    #expect(CgroupRegistry.parse(many).count == 256)
  }
}
