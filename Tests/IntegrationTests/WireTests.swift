import Glibc
import Reactor
import ServerTestSupport
import Testing
import XgenProtocol

@testable import XgenServer

/// The wire protocol through the server, in real sandboxes.
@Suite struct WireTests {
  private static func with(
    _ body: @escaping @Sendable @LoopActor (LocalDeployment, WireClient) async throws -> Void
  ) async throws {
    try await LocalDeployment.with { local in
      let id = try await local.client.create()
      let wire = try await local.client.connect(id)
      try await body(local, wire)
      try await wire.close()
    }
  }

  @Test func aCommandIsStreamed() async throws {
    try await Self.with { _, wire in
      let script = "echo one; echo two >&2; read line; echo got $line; exit 7"
      let ack = try await wire.start("sh", ["-c", script])
      #expect(ack.channel == 7 && ack.processID > 0)
      try await wire.output(contains: "one\n")
      wire.stdin("three\n")
      #expect(try await wire.exitCode() == 7)
      #expect(wire.output() == "one\ngot three\n" && wire.output(.execStderr) == "two\n")
    }
  }

  @Test func aTerminalHasItsSizeAndInput() async throws {
    try await Self.with { _, wire in
      try await wire.start("sh", tty: true)
      wire.stdin("stty size; tty\n")
      try await wire.output(contains: "24 80\r\n/dev/")
      wire.send(ExecResize(cols: 132, rows: 43))
      wire.stdin("stty size\n")
      try await wire.output(contains: "43 132\r\n")
      wire.stdin("exit 5\n")
      #expect(try await wire.exitCode() == 5)
    }
  }

  @Test func ctrlCInterruptsWhatRunsInTheTerminal() async throws {
    try await Self.with { _, wire in
      let script = """
        import time
        try:
            print('running', flush=True)
            time.sleep(1000)
        except KeyboardInterrupt:
            print('interrupted')
        """
      try await wire.start("python3", ["-c", script], tty: true)
      try await wire.output(contains: "running\r\n")
      wire.stdin("\u{3}")
      #expect(try await wire.exitCode() == 0)
      #expect(wire.output() == "running\r\n^Cinterrupted\r\n")
    }
  }

  @Test func signalsAndTheEndOfStdinReachTheCommand() async throws {
    try await Self.with { _, wire in
      try await wire.start("sleep", ["1000"], channel: 8)
      wire.send(ExecSignal(processID: 0, signal: .terminate), channel: 8)
      #expect(try await wire.exitCode(channel: 8) == 143)
      try await wire.start("cat", channel: 9)
      wire.stdin("last words", channel: 9)
      wire.send(ExecStdinClose(), channel: 9)
      #expect(try await wire.exitCode(channel: 9) == 0)
      #expect(wire.output(channel: 9) == "last words")
    }
  }

  @Test func aMebibyteGoesInAndOutUnchanged() async throws {
    try await Self.with { _, wire in
      let content = (0..<1 << 20).map { UInt8(truncatingIfNeeded: $0 &* 167 >> 3) }
      content.withUnsafeBytes {
        wire.send(FsWrite(path: "../file.bin", content: $0, mode: 0o640), id: 1)
      }
      let refused = try await wire.answer(ErrorPayload.self, to: 1)
      #expect(refused.knownCode == .pathEscapesWorkspace)
      content.withUnsafeBytes {
        wire.send(FsWrite(path: "file.bin", content: $0, mode: 0o640), id: 2)
      }
      #expect(try await wire.reply(to: 2).head.messageType == .ack)
      wire.send(FsRead(path: "/file.bin"), id: 3)
      let read = try await wire.reply(to: 3)
      #expect(read.head.messageType == .fsRead && read.payload == content)
      try await wire.start("stat", ["-c", "%s %a", "file.bin"])
      #expect(try await wire.exitCode() == 0)
      #expect(wire.output() == "1048576 640\n")
    }
  }

  @Test func changesOfFilesAreTold() async throws {
    try await Self.with { _, wire in
      wire.send(FsWatch(path: "."), id: 1)
      #expect(try await wire.reply(to: 1).head.messageType == .ack)
      try await wire.start("sh", ["-c", "echo hello > a.txt; rm a.txt; echo x > b.txt"])
      try await wire.event(FsEvent.self) { $0 == FsEvent(path: "a.txt", change: .deleted) }
      try await wire.event(FsEvent.self) { $0 == FsEvent(path: "b.txt", change: .created) }
    }
  }

  @Test func aListenerInsideIsToldToEveryConnection() async throws {
    try await Self.with { local, wire in
      let id = try await local.client.send(.get, "/api/v1/sandboxes").onlyID
      let script =
        "import socket, sys; s = socket.create_server(('127.0.0.1', 4321)); "
        + "print('up', flush=True); sys.stdin.read()"
      try await wire.start("python3", ["-c", script])
      try await wire.output(contains: "up")
      try await wire.event(PortOpen.self) { $0.port == 4321 }
      let later = try await local.client.connect(id)
      try await later.event(PortOpen.self) { $0.port == 4321 }
      let services = try await local.client.send(.get, "/api/v1/sandboxes/\(id)/services")
      let service = services.json.arrayValue?.first?.objectValue
      #expect(services.json.arrayValue?.count == 1 && service?["port"] == .int(4321))
      #expect(service?["preview_url"]?.stringValue?.contains("sbx-\(id)-4321.") == true)
      wire.send(ExecStdinClose())
      try await wire.event(PortClose.self) { $0.port == 4321 }
      try await later.event(PortClose.self) { $0.port == 4321 }
      try await later.close()
    }
  }

  @Test func servicesAreWhatIsOpenAtThatMoment() async throws {
    try await LocalDeployment.with { local in
      let id = try await local.client.create()
      let script = """
        import socket, sys
        for address, family in ('127.0.0.1', socket.AF_INET), ('::1', socket.AF_INET6):
            s = socket.create_server((address, 0), family=family)
            print(s.getsockname()[1], flush=True); sys.stdin.readline(); s.close()
            print('closed', flush=True); sys.stdin.readline()
        """
      let wire = try await local.client.connect(id)
      try await wire.start("python3", ["-c", script])
      for turn in 0..<2 {
        let port = try await wire.wait("it listens") {
          let lines = wire.output().split(separator: "\n")
          return lines.count == 2 * turn + 1 ? UInt16(lines[2 * turn]) : nil
        }
        let shown = try await local.client.send(.get, "/api/v1/sandboxes/\(id)/services")
        #expect(shown.text.contains(#"{"port":\#(port),"preview_url":"http"#), "\(shown.text)")
        wire.stdin("\n")
        try await wire.wait("it closed") {
          wire.output().split(separator: "\n").count == 2 * turn + 2 ? () : nil
        }
        let after = try await local.client.send(.get, "/api/v1/sandboxes/\(id)/services")
        #expect(after.text == "[]")
        wire.stdin("\n")
      }
      try await wire.close()
    }
  }

  @Test(.enabled(if: getuid() == 0, "a sidecar's descriptors are for root alone to see"))
  func inotifyIsOpenedForTheFirstWatchAndNotBefore() async throws {
    try await Self.with { local, wire in
      let id = try await local.client.send(.get, "/api/v1/sandboxes").onlyID
      let folder = "/proc/\(try local.sidecarPID(id))/fd"
      let instances = {
        await local.backend.patiently {
          HostFiles.names(in: folder).count {
            HostFiles.linkTarget("\(folder)/\($0)")?.contains("inotify") == true
          }
        }
      }
      #expect(await instances() == 0)
      wire.send(FsWatch(path: "."), id: 1)
      #expect(try await wire.reply(to: 1).head.messageType == .ack)
      #expect(await instances() == 1)
      wire.send(FsWatch(path: ".", unwatch: true), id: 2)
      #expect(try await wire.reply(to: 2).head.messageType == .ack)
      try await eventually("it is closed") { await instances() == 0 }
    }
  }

  @Test func badMessagesAreAnsweredAndTheConnectionGoesOn() async throws {
    try await Self.with { _, wire in
      wire.send([1, 2, 3])
      wire.send(EnvelopeHead(type: 0x7F, channel: 0, id: 5).message())
      wire.send(EnvelopeHead(.execStart, channel: 1, id: 6).message([0xC1]))
      for id: UInt32 in [5, 6] { _ = try await wire.answer(ErrorPayload.self, to: id) }
      wire.send(EnvelopeHead(.ping, id: 9).message())
      #expect(try await wire.reply(to: 9).head.messageType == .pong)
    }
  }

  @Test func aConnectionTakesItsProcessesWithIt() async throws {
    try await LocalDeployment.with { local in
      let id = try await local.client.create()
      let wire = try await local.client.connect(id)
      try await wire.start("sh", ["-c", "sleep 1000 & echo up; wait"])
      try await wire.output(contains: "up")
      try await wire.close()
      try await eventually("no process is left") {
        let answer = try await local.client.exec(
          id, #"{"command":"sh","args":["-c","cat /proc/[0-9]*/comm | grep -cx sleep"]}"#)
        return answer["stdout"] == "0\n"
      }
    }
  }

  @Test func aTokenInTheQueryOpensTheSocketAndNothingElse() async throws {
    try await LocalDeployment.with { local in
      let id = try await local.client.create()
      let answer = try await local.client.send(
        .post, "/api/v1/auth/token", #"{"api_key":"\#(Deployment.adminKey)"}"#)
      let nobody = local.deployment.client(nil)
      let wire = try await nobody.connect(id, query: "?token=\(answer["token"])")
      try await wire.close()
      let refused = try await nobody.send(.get, "/api/v1/sandboxes/\(id)?token=\(answer["token"])")
      #expect(refused.status == 401)
      #expect(await nobody.refusal(id) == 401)
    }
  }
}

extension APIClient.Answer {
  /// The id in a list of one.
  fileprivate var onlyID: String {
    json.arrayValue?.first?.objectValue?["id"]?.stringValue ?? ""
  }
}
