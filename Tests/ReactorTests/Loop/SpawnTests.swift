import CLinux
import Glibc
import Reactor
import TestSupport
import Testing

@Suite struct SpawnTests {
  @Test func givesExactlyTheEnvironment() async throws {
    try await withLoop { loop in
      let options = SpawnOptions(command: "/usr/bin/env", environment: ["B=2 3", "A=é", "C="])
      try #expect(options.run(on: loop) == ProcessResult(output: "B=2 3\nA=é\nC=\n", exitCode: 0))
      let empty = SpawnOptions(command: "/usr/bin/env")
      try #expect(empty.run(on: loop) == ProcessResult(output: "", exitCode: 0))
    }
  }

  @Test func givesExactlyTheArguments() async throws {
    try await withLoop { loop in
      var options = SpawnOptions.shell("printf '<%s>' \"$0\" \"$@\"")
      options.arguments += ["zero", "", "a b", "*", "$HOME"]
      try #expect(options.run(on: loop).output == "<zero><><a b><*><$HOME>")
    }
  }

  @Test func startsInTheWorkingDirectory() async throws {
    try await withLoop { loop in
      var options = SpawnOptions(command: "/bin/pwd")
      options.workingDirectory = "/usr/bin"
      try #expect(options.run(on: loop).output == "/usr/bin\n")
    }
  }

  @Test func searchesThePathOfTheChildsEnvironment() async throws {
    try await withLoop { loop in
      let found = SpawnOptions(
        command: "true", environment: ["PATH=/nonexistent:/etc/passwd:/usr/bin:/bin"])
      try #expect(found.run(on: loop).exitCode == 0)
      let missed = SpawnOptions(command: "true", environment: ["PATH=/nonexistent"])
      #expect(spawnError(missed, on: loop)?.shellExitCode == 127)
      try #expect(SpawnOptions(command: "true").run(on: loop).exitCode == 0, "a default path")
    }
  }

  @Test func closesEveryOtherDescriptor() async throws {
    try await withLoop { loop in
      // One that lacks close-on-exec, as a library's may.
      let stray = fcntl(0, F_DUPFD, 50)
      let options = SpawnOptions(command: "/bin/ls", arguments: ["/proc/self/fd"])
      // 3 is the directory that is listed.
      try #expect(options.run(on: loop).output == "0\n1\n2\n3\n")
      Glibc.close(stray)
    }
  }

  @Test func ordersDescriptorsHoweverTheyOverlap() async throws {
    try await withLoop { loop in
      let (first, second) = (makePipe(), makePipe())
      defer { for end in [first.reader, second.reader] { Glibc.close(end) } }
      var options = SpawnOptions.shell("printf out; printf err >&2; ls /proc/$$/fd")
      options.descriptors = [-1, second.writer, first.writer, first.writer]
      var code: Int32?
      _ = try ChildProcess(loop: loop, options) { code = $0 }
      for end in [first.writer, second.writer] { Glibc.close(end) }
      loop.run(until: { code != nil })
      #expect(code == 0)
      #expect(readAll(first.reader) == "err")
      #expect(readAll(second.reader) == "out1\n2\n3\n")
    }
  }

  @Test func startsWithDefaultSignalsNoneBlocked() async throws {
    try await withLoop { loop in
      let options = SpawnOptions(command: "/bin/cat", arguments: ["/proc/self/status"])
      let masks = try options.run(on: loop).output.split(separator: "\n").filter {
        $0.hasPrefix("SigBlk:") || $0.hasPrefix("SigIgn:") || $0.hasPrefix("SigCgt:")
      }
      let reserved: UInt64 = 3 << 31  // 32 and 33 are glibc's own
      #expect(masks.count == 3)
      for mask in masks {
        let bits = try #require(UInt64(mask.suffix(16), radix: 16))
        #expect(bits & ~reserved == 0, "\(mask)")
      }
    }
  }

  @Test func leadsASessionAndAGroupOfItsOwn() async throws {
    try await withLoop { loop in
      var options = SpawnOptions(command: "/bin/cat", arguments: ["/proc/self/stat"])
      let own = try fields(options.run(on: loop).output)
      #expect(own.group == own.pid)
      #expect(own.session == own.pid)
      options.newSession = false
      let shared = try fields(options.run(on: loop).output)
      #expect(shared.session == getsid(0))
      #expect(shared.group == getpgrp())
    }
  }

  @Test func givesItsSessionTheTerminal() async throws {
    try await withLoop { loop in
      let terminal = makeTerminal(columns: 101, rows: 37)
      let screen = StreamProbe(
        try SocketStream(loop: loop, descriptor: terminal.primary, kind: .pipe))
      var options = SpawnOptions.shell("stty size; tty; echo mine > /dev/tty")
      options.descriptors = [terminal.secondary, terminal.secondary, terminal.secondary]
      options.controllingTerminal = true
      var code: Int32?
      _ = try ChildProcess(loop: loop, options) { code = $0 }
      Glibc.close(terminal.secondary)
      loop.run(until: { code != nil && screen.hasEnded })
      #expect(code == 0)
      let lines = screen.text.split(separator: "\r\n")
      #expect(lines.count == 3)
      #expect(lines.first == "37 101")
      #expect(lines.dropFirst().first?.hasPrefix("/dev/pts/") == true)
      #expect(lines.last == "mine")
      close(screen, on: loop)
    }
  }

  @Test(.enabled(if: geteuid() == 0, "only root may become another user"))
  func becomesTheUserWithoutAnyOtherGroup() async throws {
    try await withLoop { loop in
      var options = SpawnOptions(
        command: "/bin/grep", arguments: ["-E", "^(Uid|Gid|Groups):", "/proc/self/status"])
      options.user = (uid: 12345, gid: 23456)
      let lines = try options.run(on: loop).output.split(separator: "\n")
      #expect(lines.first == "Uid:\t12345\t12345\t12345\t12345")
      #expect(lines.dropFirst().first == "Gid:\t23456\t23456\t23456\t23456")
      #expect(lines.last?.filter { $0 != "\t" && $0 != " " } == "Groups:")
    }
  }

  @Test func failuresTellTheStepAndTheShellsExitCode() async throws {
    try await withLoop { loop in
      func expect(
        _ options: SpawnOptions, _ step: SpawnError.Step, _ errno: Int32, _ exitCode: Int32,
        _ location: SourceLocation = #_sourceLocation
      ) {
        let error = spawnError(options, on: loop)
        #expect(error?.step == step, sourceLocation: location)
        #expect(error?.cause == UVError(-errno), sourceLocation: location)
        #expect(error?.shellExitCode == exitCode, sourceLocation: location)
      }
      expect(SpawnOptions(command: "no-such-command"), .exec, ENOENT, 127)
      expect(SpawnOptions(command: "/no/such/command"), .exec, ENOENT, 127)
      expect(SpawnOptions(command: ""), .exec, ENOENT, 127)
      expect(SpawnOptions(command: "/etc/passwd"), .exec, EACCES, 126)
      expect(SpawnOptions(command: "/etc"), .exec, EACCES, 126)
      var options = SpawnOptions.shell("true")
      options.workingDirectory = "/nonexistent"
      expect(options, .workingDirectory, ENOENT, 126)
      options.workingDirectory = nil
      options.descriptors = [9999]
      expect(options, .descriptors, EBADF, 126)
      options.descriptors = Array(repeating: 0, count: 17)
      expect(options, .fork, EINVAL, 126)
      options.descriptors = []
      options.controllingTerminal = true
      expect(options, .session, EBADF, 126)
    }
  }

  /// In a process of its own, whose only children are those of this test.
  @Test func aFailureLeavesNoZombie() async {
    await #expect(processExitsWith: .success) {
      try await withLoop { loop in
        for command in ["no-such-command", "/etc/passwd"] {
          #expect(throws: SpawnError.self) {
            try ChildProcess(loop: loop, SpawnOptions(command: command)) { _ in }
          }
          #expect(!hasChildren())
        }
        // Descriptors enough for nothing: the process starts and can't be watched.
        var fillers: [Int32] = []
        while true {
          let filler = dup(0)
          if filler < 0 { break }
          fillers.append(filler)
        }
        var options = SpawnOptions.shell("exec sleep 1000")
        for newSession in [true, false] {
          options.newSession = newSession
          #expect(throws: SpawnError.self) { try ChildProcess(loop: loop, options) { _ in } }
          #expect(!hasChildren())
        }
        for filler in fillers { Glibc.close(filler) }
      }
    }
  }

  private func spawnError(_ options: SpawnOptions, on loop: Loop) -> SpawnError? {
    do throws(SpawnError) {
      _ = try ChildProcess(loop: loop, options) { _ in Issue.record("it ran") }
      return nil
    } catch {
      return error
    }
  }

  /// Of proc_pid_stat(5).
  private func fields(_ stat: String) throws -> (pid: Int32, group: Int32, session: Int32) {
    let words = stat.split(separator: " ")
    return (
      try #require(Int32(words[0])), try #require(Int32(words[4])), try #require(Int32(words[5]))
    )
  }

  private func readAll(_ descriptor: Int32) -> String {
    withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 1) { room in
      let count = read(descriptor, room.baseAddress, room.count)
      return String(decoding: room.prefix(max(0, count)), as: UTF8.self)
    }
  }
}
