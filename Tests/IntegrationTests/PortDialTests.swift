import Reactor
import ServerTestSupport
import TestSupport
import Testing

@testable import XgenServer

/// Connections to ports inside, by the sidecar's tunnel.
@Suite struct PortDialTests {
  /// Listens at a free port of its loopback, tells which, and echoes in capitals.
  private static let echo = """
    import socket, sys
    family = socket.AF_INET6 if sys.argv[1] == '::1' else socket.AF_INET
    listener = socket.socket(family); listener.bind((sys.argv[1], 0)); listener.listen()
    print(listener.getsockname()[1], flush=True)
    while True:
        peer, _ = listener.accept()
        while data := peer.recv(4096): peer.sendall(data.upper())
        peer.close()
    """

  @LoopActor
  private static func dial(
    _ port: UInt16, _ id: String, _ deployment: Deployment
  ) async throws -> Result<HTTPUpgrade, PortDialError> {
    let sandbox = try deployment.sandbox(id)
    var result: Result<HTTPUpgrade, PortDialError>?
    deployment.server.sidecars.dial(port, in: sandbox) { result = $0 }
    #expect(result == nil, "the answer comes in a later turn")
    return try await eventualValue("the dial ends") { result }
  }

  private static func error(_ result: Result<HTTPUpgrade, PortDialError>) -> PortDialError? {
    switch result {
    case .success(let upgrade):
      upgrade.stream.close()
      return nil
    case .failure(let error): return error
    }
  }

  @Test(arguments: ["127.0.0.1", "::1"])
  func aServerOnLoopbackInsideIsReached(_ address: String) async throws {
    try await LocalDeployment.with { local in
      let id = try await local.client.create()
      let wire = try await local.client.connect(id)
      try await wire.start("python3", ["-c", Self.echo, address])
      let port = try await wire.wait("the port") {
        wire.output().hasSuffix("\n") ? UInt16(wire.output().dropLast()) : nil
      }
      let upgrade = try await Self.dial(port, id, local.deployment).get()
      let probe = StreamProbe(upgrade.stream)
      probe.send("hello")
      try await eventually("an answer comes") { probe.text == "HELLO" }
      probe.stream.endWriting()
      try await eventually("the end comes, too") { probe.hasEnded }
      probe.stream.close()
      try await wire.close()
    }
  }

  @Test func whereNothingListensAndWhereTheSandboxIsGone() async throws {
    try await LocalDeployment.with { local in
      let id = try await local.client.create()
      let sandbox = try local.deployment.sandbox(id)
      let nobody = try await Self.dial(9, id, local.deployment)
      #expect(Self.error(nobody) == .nothingListens)
      try await local.client.delete(id)
      var late: Result<HTTPUpgrade, PortDialError>?
      local.deployment.server.sidecars.dial(9, in: sandbox) { late = $0 }
      let gone = try await eventualValue("the dial ends") { late }
      #expect(Self.error(gone) == .unreachable("the sandbox has ended"))
    }
  }

  @Test(arguments: [
    ("502 Bad Gateway", PortDialError.nothingListens),
    ("503 Service Unavailable", .limitReached), ("504 Gateway Timeout", .timedOut),
    ("200 OK", .unreachable("the sidecar refuses a tunnel with status 200")),
  ])
  func refusalsAreToldApart(_ answer: String, _ expected: PortDialError) async throws {
    try await LyingSidecar.with { sidecar in
      sidecar.onRequest = { $0.send("HTTP/1.1 \(answer)\r\nContent-Length: 5\r\n\r\nwhy?\n") }
      let id = try await sidecar.client.create()
      let result = try await Self.dial(80, id, sidecar.deployment)
      #expect(Self.error(result) == expected)
      #expect(try await sidecar.client.status(id) == "running")
    }
  }

  @Test(arguments: [
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    "HTTP/1.1 101 Switching Protocols\r\n\r\n", "SSH-2.0-OpenSSH_9.2\r\n",
  ])
  func nonsenseIsTheSidecarsFault(_ answer: String) async throws {
    try await LyingSidecar.with { sidecar in
      sidecar.onRequest = { $0.send(answer) }
      let id = try await sidecar.client.create()
      let error = Self.error(try await Self.dial(80, id, sidecar.deployment))
      guard case .unreachable = error else {
        Issue.record("\(String(describing: error))")
        return
      }
      #expect(try await sidecar.client.status(id) == "error")
    }
  }

  @Test func bytesThatComeWithTheAnswerAreHandedOver() async throws {
    try await LyingSidecar.with { sidecar in
      var target = ""
      sidecar.onRequest = {
        target = $0.head.target
        $0.send(
          "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: xgen-tunnel\r\n\r\n"
            + "220 ready\r\n")
      }
      let id = try await sidecar.client.create()
      let upgrade = try await Self.dial(2525, id, sidecar.deployment).get()
      #expect(target == "/tunnel?port=2525")
      #expect(
        String(decoding: upgrade.leftover.withReadable { Array($0) }, as: UTF8.self)
          == "220 ready\r\n")
      upgrade.stream.close()
    }
  }

  @Test func oneThatHangsIsGivenUpOrCancelled() async throws {
    var timeouts = SidecarTimeouts()
    timeouts.answerMs = 50
    try await LyingSidecar.with(timeouts: timeouts) { sidecar in
      let id = try await sidecar.client.create()
      let error = Self.error(try await Self.dial(80, id, sidecar.deployment))
      #expect(error == .unreachable("the sidecar: no answer in time as a whole"))
      let before = sidecar.connections.count
      var isTold = false
      let sandbox = try sidecar.deployment.sandbox(id)
      let dial = sidecar.deployment.server.sidecars.dial(80, in: sandbox) { _ in isTold = true }
      try await eventually("it is under way") { sidecar.connections.count > before }
      dial.cancel()
      try await eventually("its connection is closed") {
        sidecar.connections[before].hasEnded || sidecar.connections[before].isClosed
      }
      #expect(!isTold)
    }
  }
}
