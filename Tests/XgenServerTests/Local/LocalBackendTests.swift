import Glibc
import Logging
import Reactor
import Testing

@testable import XgenServer

/// The life of local sandboxes, seen from the host.
@Suite struct LocalBackendTests {
  private static let isRoot = getuid() == 0

  @Test func eachSandboxIsAnUnprivilegedHostUserOfItsOwn() async throws {
    try await LocalFixture.with { fixture in
      var users: Set<String> = []
      for _ in 0..<2 {
        let processes = try #require(try fixture.state(try await fixture.create()).processes)
        for pid in [processes.sidecar.pid, processes.monitor.pid] {
          let status = String(
            decoding: try HostFiles.read("/proc/\(pid)/status", limit: 1 << 20), as: UTF8.self)
          let ids = status.split(separator: "\n").filter {
            $0.hasPrefix("Uid:") || $0.hasPrefix("Gid:")
          }.flatMap { $0.split(separator: "\t").dropFirst() }
          #expect(ids.count == 8 && Set(ids).count == 1)
          #expect(!Self.isRoot || fixture.configuration.uidRange.contains(UInt32(ids[0])!))
          #expect(Self.isRoot || UInt32(ids[0]) == getuid())
          users.insert(String(ids[0]))
        }
      }
      #expect(users.count == (Self.isRoot ? 2 : 1))
    }
  }

  @Test func nothingIsLeftAfterADelete() async throws {
    try await LocalFixture.with { fixture in
      let id = try await fixture.create()
      let processes = try #require(try fixture.state(id).processes)
      _ = try await fixture.run(
        id,
        "setsid sh -c 'trap \"\" TERM HUP; sleep 1000' >/dev/null 2>&1 & "
          + "mkdir -p ~/a/b && touch ~/a/b/c && chmod 000 ~/a/b ~/a; ln -s /etc ~/link")
      await fixture.backend.delete(id: id)
      #expect(!HostFiles.exists("/proc/\(processes.sidecar.pid)"))
      #expect(!HostFiles.exists("/proc/\(processes.monitor.pid)"))
      #expect(HostFiles.names(in: fixture.directory.run).isEmpty)
      #expect(HostFiles.names(in: fixture.directory.sandboxes).isEmpty)
      #expect(HostFiles.exists("/etc/passwd"))
      await fixture.backend.delete(id: id)
      #expect(throws: BackendError.unknownSandbox) { try fixture.backend.dial(id: id, .sidecar) }
      #expect(fixture.events.isEmpty)
    }
  }

  @Test func aTreeDeeperThanAnyPathIsRemoved() async throws {
    try await LocalFixture.with { fixture in
      let id = try await fixture.create()
      let depth = try await fixture.run(
        id,
        "python3 -c 'import os\nfor i in range(3000): os.mkdir(\"dddd\"); os.chdir(\"dddd\")\n"
          + "print(i)'")
      #expect(depth == "2999")
      await fixture.backend.delete(id: id)
      #expect(HostFiles.names(in: fixture.directory.sandboxes).isEmpty)
    }
  }

  @Test func deletesThatMeetACreateOrEachOtherLeaveNothing() async throws {
    try await LocalFixture.with { fixture in
      let record = LocalFixture.record()
      let backend = fixture.backend
      async let creation: Void? = try? backend.create(record)
      async let first: Void = backend.delete(id: record.id)
      async let second: Void = backend.delete(id: record.id)
      _ = await (creation, first, second)
      await backend.delete(id: record.id)
      #expect(HostFiles.names(in: fixture.directory.run).isEmpty)
      #expect(HostFiles.names(in: fixture.directory.sandboxes).isEmpty)
      #expect(backend.sandboxes.isEmpty)
    }
  }

  @Test func aSecondBackendAdoptsWhatTheFirstLeft() async throws {
    try await LocalFixture.with { fixture in
      let id = try await fixture.create()
      let pid = try await fixture.run(id, "sleep 1000 >/dev/null 2>&1 & echo $!")
      var record = LocalFixture.record(id)
      record.expiresAtMs += 60_000
      try await fixture.backend.update(record)
      #expect(try await fixture.restart() == [record])
      #expect(try await fixture.run(id, "cat /proc/\(pid)/comm") == "sleep")
      let processes = try #require(try fixture.state(id).processes)
      await fixture.backend.delete(id: id)
      #expect(!processes.sidecar.isRunning)
      #expect(HostFiles.names(in: fixture.directory.sandboxes).isEmpty)
    }
  }

  @Test func whatCantBeAdoptedIsRemoved() async throws {
    try await LocalFixture.with { fixture in
      let kept = try await fixture.create()
      let corrupt = try await fixture.create()
      let dead = try await fixture.create()
      let rebooted = try await fixture.create()
      let unfinished = try await fixture.create()
      let directory = fixture.directory
      var processes: [SandboxState.Processes] = []
      for id in [corrupt, dead, rebooted, unfinished] {
        processes.append(try #require(try fixture.state(id).processes))
      }
      fixture.backend.detach()
      LocalFixture.write(directory.state(corrupt), "{\"version\":2,\"uid\":-1")
      processes[1].sidecar.end()
      let old = String(
        decoding: try HostFiles.read(directory.state(rebooted), limit: 1 << 20), as: UTF8.self)
      let boot = try HostProcess.bootID()
      LocalFixture.write(
        directory.state(rebooted), String(old.split(separator: boot).joined(separator: "gone")))
      var state = try SandboxState.load(unfinished, in: directory)
      state.processes = nil
      try state.save(in: directory, durable: false)
      mkdir(directory.folder("empty"), 0o711)
      LocalFixture.write(directory.socket("stale"), "")

      #expect(try await fixture.restart().map(\.id) == [kept])
      #expect(HostFiles.names(in: directory.sandboxes) == [kept])
      #expect(HostFiles.names(in: directory.run) == ["\(kept).sock"])
      for process in processes { #expect(!process.sidecar.isRunning) }
      #expect(try await fixture.run(kept, "echo here") == "here")
    }
  }

  @Test func aReusedPidIsNotTakenForASandbox() async throws {
    try await LocalFixture.with { fixture in
      let id = try await fixture.create()
      var state = try fixture.state(id)
      let real = try #require(state.processes)
      let other = try #require(HostProcess.running(getpid()))
      state.processes = .init(
        sidecar: HostProcess(pid: other.pid, startTicks: other.startTicks - 1),
        monitor: real.monitor)
      fixture.backend.detach()
      try state.save(in: fixture.directory(of: fixture), durable: false)
      #expect(try await fixture.restart().isEmpty)
      #expect(!real.sidecar.isRunning)
    }
  }

  /// pasta may have ended while no server ran, and its pid be another process's.
  @Test func aReusedPidIsNotTakenForANetwork() async throws {
    try await LocalFixture.with { fixture in
      let id = try await fixture.create()
      var state = try fixture.state(id)
      let child = try SpawnOptions(command: "/bin/sleep", arguments: ["1000"]).spawn()
      let other = try #require(HostProcess.running(child))
      defer { other.end() }
      state.processes?.network = HostProcess(pid: child, startTicks: other.startTicks - 1)
      fixture.backend.detach()
      try state.save(in: fixture.directory(of: fixture), durable: false)
      #expect(try await fixture.restart().map(\.id) == [id])
      #expect(try await fixture.run(id, "echo here") == "here")
      await fixture.backend.delete(id: id)
      #expect(other.isRunning)
    }
  }

  @Test func theEndOfASidecarIsReportedWithItsLog() async throws {
    try await LocalFixture.with { fixture in
      let id = try await fixture.create()
      #expect(try await fixture.run(id, "echo up") == "up")
      let processes = try #require(try fixture.state(id).processes)
      kill(processes.sidecar.pid, SIGKILL)
      let event = await fixture.nextEvent()
      #expect(
        event
          == .failed(id: id, reason: "the sandbox's sidecar ended by signal 9: stand-in is up"))
      #expect(throws: BackendError.failed("the sandbox's sidecar has ended")) {
        try fixture.backend.dial(id: id, .sidecar)
      }
      #expect(!HostFiles.exists("/proc/\(processes.monitor.pid)"))
      await fixture.backend.delete(id: id)
      #expect(HostFiles.names(in: fixture.directory.sandboxes).isEmpty)
    }
  }

  @Test func signalsFromInsideDoNotReachTheSidecar() async throws {
    try await LocalFixture.with { fixture in
      let id = try await fixture.create()
      _ = try await fixture.run(id, "kill -9 1; kill -TERM 1; kill -STOP 1; true")
      #expect(try await fixture.run(id, "echo still here") == "still here")
    }
  }

  @Test func longDataFoldersWork() async throws {
    try await LocalFixture.with(deep: true) { fixture in
      let id = try await fixture.create()
      #expect(fixture.directory.socket(id).utf8.count > 107)
      #expect(try await fixture.run(id, "echo reached") == "reached")
    }
  }

  @Test func foldersHaveTheirModes() async throws {
    try await LocalFixture.with { fixture in
      let id = try await fixture.create()
      let directory = fixture.directory
      let modes: [(String, UInt32)] = [
        (directory.path, 0o711), (directory.run, 0o700), (directory.sandboxes, 0o711),
        (directory.folder(id), 0o711), (directory.home(id), 0o700),
        (directory.state(id), 0o600), (directory.launchLog(id), 0o600),
      ]
      for (path, mode) in modes {
        var info = stat()
        #expect(stat(path, &info) == 0 && info.st_mode & 0o7777 == mode, "\(path)")
      }
      var home = stat()
      #expect(stat(directory.home(id), &home) == 0)
      #expect(home.st_uid == (try fixture.state(id).uid ?? getuid()))
    }
  }

  @Test func twentySandboxesAtOnceWorkAndLeaveNothing() async throws {
    try await LocalFixture.with { fixture in
      try await fixture.backend.delete(id: fixture.create())
      let tasks = (0..<20).map { _ in
        Task { @LoopActor in
          let id = try await fixture.create()
          let answer = try await fixture.run(id, "echo $((6*7))")
          await fixture.backend.delete(id: id)
          return answer
        }
      }
      var answers: [String] = []
      for task in tasks { answers.append(try await task.value) }
      #expect(answers == Array(repeating: "42", count: 20))
      #expect(HostFiles.names(in: fixture.directory.sandboxes).isEmpty)
    }
  }
}

extension LocalFixture {
  /// The folder of a fixture whose backend is detached.
  func directory(of fixture: LocalFixture) -> DataDirectory {
    DataDirectory(path: HostFiles.resolved(fixture.configuration.dataDirectory)!)
  }
}
