import Reactor
import ServerTestSupport
import TestSupport
import Testing
import XgenProtocol

@testable import XgenServer

/// A connection to the sidecar runs one command after the other, and is not kept where something of
/// one could reach the next.
@Suite struct ExecLinkTests {
  private static let ls = #"{"command":"ls"}"#

  /// A sidecar that notes which commands are started over which WebSocket; `answer` does the rest.
  @LoopActor
  private final class Site {
    private(set) var requests: [LyingSidecar.Request] = []
    /// Of the commands that were started, in order.
    private(set) var channels: [UInt32] = []
    private let answer: (LyingSidecar.Request, _ channel: UInt32) -> Void

    init(
      _ sidecar: LyingSidecar,
      _ answer: @escaping @LoopActor (LyingSidecar.Request, UInt32) -> Void
    ) {
      self.answer = answer
      sidecar.onRequest = { [self] in accept($0) }
    }

    private func accept(_ request: LyingSidecar.Request) {
      let index = requests.count
      requests.append(request)
      request.accept()
      request.send(.sandboxReady, channel: 0)
      var decoder = WebSocketDecoder(role: .server, maxMessageBytes: 1 << 20)
      request.connection.onReceive = { [unowned self] in
        var bytes = requests[index].connection.take()
        bytes.withUnsafeMutableBytes { bytes in
          var offset = 0
          while let event = try? decoder.next(bytes, from: &offset) { take(event, requests[index]) }
        }
      }
    }

    private func take(_ event: WebSocketEvent, _ request: LyingSidecar.Request) {
      switch event {
      case .close: request.connection.stream.endWriting()
      case .messageChunk(_, let message, _):
        guard let head = EnvelopeHead.parse(message), head.messageType == .execStart else { return }
        channels.append(head.channel)
        let ack = ExecAck(processID: 1, channel: head.channel)
        request.send(.ack, ack.encode(), channel: head.channel, id: head.id)
        answer(request, head.channel)
      case .ping, .pong: break
      }
    }
  }

  private static func exit(_ request: LyingSidecar.Request, _ channel: UInt32) {
    request.send(.execExit, ExecExit(exitCode: 0).encode(), channel: channel)
  }

  @Test func oneConnectionRunsCommandAfterCommand() async throws {
    try await LyingSidecar.with { sidecar in
      let site = Site(sidecar) { request, channel in
        request.send(.execStdout, Array("\(channel)".utf8), channel: channel)
        Self.exit(request, channel)
      }
      let id = try await sidecar.client.create()
      for channel in 101...104 {
        let answer = try await sidecar.client.exec(id, Self.ls)
        #expect(answer.status == 200 && answer["stdout"] == "\(channel)")
      }
      #expect(site.requests.count == 1 && site.channels == [101, 102, 103, 104])
    }
  }

  @Test func commandsAtTheSameTimeHaveAConnectionEach() async throws {
    try await LyingSidecar.with { sidecar in
      var started: [(LyingSidecar.Request, UInt32)] = []
      let site = Site(sidecar) { started.append(($0, $1)) }
      let id = try await sidecar.client.create()
      let client = sidecar.client
      async let first = client.exec(id, Self.ls)
      async let second = client.exec(id, Self.ls)
      try await eventually("both run") { started.count == 2 }
      for (request, channel) in started { Self.exit(request, channel) }
      #expect(try await first.status == 200)
      #expect(try await second.status == 200)
      #expect(site.requests.count == 2)
      try await eventually("one is kept, the other closed") {
        site.requests.count { $0.connection.hasEnded } == 1
      }
    }
  }

  @Test func whatComesLateOfACommandIsNotTheNextOnes() async throws {
    try await LyingSidecar.with { sidecar in
      let site = Site(sidecar) { request, channel in
        request.send(.execStdout, Array("late".utf8), channel: channel - 1)
        request.send(.execExit, ExecExit(exitCode: 9).encode(), channel: channel - 1)
        request.send(.execStdout, Array("own".utf8), channel: channel)
        Self.exit(request, channel)
      }
      let id = try await sidecar.client.create()
      for _ in 0..<2 {
        let answer = try await sidecar.client.exec(id, Self.ls)
        #expect(answer["stdout"] == "own" && answer.int("exit_code") == 0)
      }
      #expect(site.requests.count == 1)
    }
  }

  @Test(arguments: [#"{"command":"cat","stdin":"x"}"#, #"{"command":"ls","timeout_seconds":1}"#])
  func aConnectionThatMayNotBeCleanIsNotKept(body: String) async throws {
    try await LyingSidecar.with { sidecar in
      let site = Site(sidecar) { request, channel in
        if !body.contains("timeout") { Self.exit(request, channel) }
      }
      let id = try await sidecar.client.create()
      _ = try await sidecar.client.exec(id, body)
      try await eventually("it is closed") { site.requests[0].connection.hasEnded }
    }
  }

  @Test func aKeptConnectionIsClosedAfterItsTime() async throws {
    var timeouts = SidecarTimeouts()
    timeouts.execLinkIdleMs = 40
    try await LyingSidecar.with(timeouts: timeouts) { sidecar in
      let site = Site(sidecar) { Self.exit($0, $1) }
      let id = try await sidecar.client.create()
      #expect(try await sidecar.client.exec(id, Self.ls).status == 200)
      try await eventually("it is closed") { site.requests[0].connection.hasEnded }
      #expect(try await sidecar.client.exec(id, Self.ls).status == 200)
      #expect(site.requests.count == 2)
    }
  }

  @Test func aConnectionThatEndedMeanwhileIsNotUsed() async throws {
    try await LyingSidecar.with { sidecar in
      let site = Site(sidecar) { Self.exit($0, $1) }
      let id = try await sidecar.client.create()
      #expect(try await sidecar.client.exec(id, Self.ls).status == 200)
      site.requests[0].connection.stream.close()
      try await eventually("the server has seen it") { site.requests[0].connection.isClosed }
      #expect(try await sidecar.client.exec(id, Self.ls).status == 200)
      #expect(site.requests.count == 2)
    }
  }

  @Test func aSidecarThatTalksOnBetweenCommandsIsCutOff() async throws {
    try await LyingSidecar.with { sidecar in
      let site = Site(sidecar) { Self.exit($0, $1) }
      let id = try await sidecar.client.create()
      #expect(try await sidecar.client.exec(id, Self.ls).status == 200)
      let request = site.requests[0]
      let piece = [UInt8](repeating: 0, count: Limits.maxIdleExecLinkBytes / 4)
      for _ in 0..<5 { request.send(.execStdout, piece, channel: 101) }
      try await eventually("it is closed") { request.connection.hasEnded }
      #expect(try await sidecar.client.status(id) == "running")
    }
  }

  @Test func theEndOfASandboxClosesItsKeptConnection() async throws {
    try await LyingSidecar.with { sidecar in
      let site = Site(sidecar) { Self.exit($0, $1) }
      let id = try await sidecar.client.create()
      #expect(try await sidecar.client.exec(id, Self.ls).status == 200)
      #expect(try await sidecar.client.send(.delete, "/api/v1/sandboxes/\(id)").status == 204)
      try await eventually("it is closed") { site.requests[0].connection.hasEnded }
    }
  }
}
