import Glibc
import Reactor
import ServerTestSupport
import TestSupport
import Testing
import XgenProtocol

@testable import XgenServer

/// A sidecar whose handshake is good and whose envelopes are not, behind REST exec.
@Suite struct LyingSidecarExecTests {
  private static let ls = #"{"command":"ls","timeout_seconds":1}"#

  /// Runs an exec against a sidecar that does so after the handshake; `check` gets the answer and
  /// the sandbox's state after it.
  private static func exec(
    _ lie: @escaping @Sendable @LoopActor (LyingSidecar.Request) -> Void,
    check: @escaping @Sendable @LoopActor (_ answer: APIClient.Answer, _ status: String) -> Void
  ) async throws {
    try await LyingSidecar.with { sidecar in
      sidecar.onRequest = { request in
        request.accept()
        lie(request)
      }
      let id = try await sidecar.client.create()
      let answer = try await sidecar.client.exec(id, ls)
      check(answer, try await sidecar.client.status(id))
      #expect(sidecar.deployment.server.sidecars.capturedBytes == 0)
      #expect(try sidecar.deployment.sandbox(id).runningExecs == 0)
      #expect(try await sidecar.client.send(.get, "/healthz").status == 200)
    }
  }

  static let garbage: [(name: String, bytes: [UInt8])] = [
    ("a masked frame", [0x82, 0x81, 1, 2, 3, 4, 5]), ("a reserved bit", [0xC2, 0]),
    ("a continuation of nothing", [0x80, 0]), ("a short envelope", [0x82, 3, 0x50, 0, 0]),
    ("a text message", [0x81, 2, 0x68, 0x69]), ("no UTF-8", [0x81, 1, 0xFF]),
    ("an unknown type", [0x82, 9, 0x7F, 0, 0, 0, 0, 0, 0, 0, 0]),
    ("an exit that is no map", [0x82, 10, 0x24, 0, 0, 0, 101, 0, 0, 0, 0, 0xC1]),
    ("an error that is no map", [0x82, 10, 0x03, 0, 0, 0, 101, 0, 0, 0, 1, 0x01]),
    ("a frame of 65 MiB", [0x82, 127, 0, 0, 0, 0, 4, 16, 0, 0]),
  ]

  @Test(arguments: garbage)
  func garbageIsUnreachable(name: String, bytes: [UInt8]) async throws {
    try await Self.exec { request in
      request.connection.send(bytes)
    } check: { answer, status in
      #expect(answer.status == 502 && answer["code"] == "SANDBOX_UNREACHABLE", "\(name)")
      #expect(status == "error", "\(name)")
    }
  }

  @Test func oneThatBreaksOffInTheMiddleIsUnreachable() async throws {
    try await Self.exec { request in
      request.send(.sandboxReady)
      request.send(.execStdout, [1, 2, 3])
      request.connection.stream.endWriting()
    } check: { answer, status in
      #expect(answer.status == 502 && status == "running")
    }
  }

  @Test func oneThatIsNeverReadyIsUnreachable() async throws {
    try await Self.exec { _ in
    } check: { answer, _ in
      #expect(answer.status == 502 && answer["error"].contains("ready"))
    }
  }

  @Test func oneThatNeverEndsTheCommandIsATimeout() async throws {
    try await Self.exec { request in
      request.send(.sandboxReady)
      request.send(.execStdout, Array("so far".utf8))
    } check: { answer, status in
      #expect(answer.status == 504 && answer["code"] == "EXEC_TIMEOUT" && status == "running")
      #expect(answer["stdout"] == "so far")
    }
  }

  /// What is over the limit is dropped as it comes. The answer is not made: ten mebibytes of JSON
  /// in a debug build would hold up the loop that all tests share.
  @Test func aFloodIsCutAtTheLimit() async throws {
    try await LyingSidecar.with { sidecar in
      var connection: StreamProbe?
      sidecar.onRequest = { request in
        request.accept()
        request.send(.sandboxReady)
        let piece = [UInt8](repeating: 0x61, count: 1 << 20)
        for _ in 0..<11 { request.send(.execStdout, piece) }
        request.send(.execStderr, [1, 2, 3])
        connection = request.connection
      }
      let id = try await sidecar.client.create()
      let client = sidecar.client
      async let answer = client.exec(id, #"{"command":"yes"}"#)
      let sidecars = sidecar.deployment.server.sidecars
      try await eventually("all of it was read") {
        #expect(sidecars.capturedBytes <= Limits.maxExecOutputBytes + 3)
        return sidecars.capturedBytes == Limits.maxExecOutputBytes + 3
      }
      connection?.stream.close()
      #expect(try await answer.status == 502)
      #expect(sidecars.capturedBytes == 0)
    }
  }

  @Test func aClientThatGoesAwayDuringTheHandshakeStartsNothing() async throws {
    try await LyingSidecar.with { sidecar in
      var held: LyingSidecar.Request?
      sidecar.onRequest = { held = $0 }
      let id = try await sidecar.client.create()
      let stream = try SocketStream.connect(
        loop: LoopActor.loop, to: sidecar.deployment.address)
      let raw = StreamProbe(stream)
      raw.send(
        "POST /api/v1/sandboxes/\(id)/exec HTTP/1.1\r\nHost: x\r\nContent-Length: "
          + "\(Self.ls.utf8.count)\r\nAuthorization: ApiKey \(Deployment.adminKey)\r\n\r\n\(Self.ls)"
      )
      let request = try await eventualValue("the handshake comes") { held }
      var reset = linger(l_onoff: 1, l_linger: 0)  // a close that the server sees at once
      setsockopt(
        stream.descriptor, SOL_SOCKET, SO_LINGER, &reset, socklen_t(MemoryLayout<linger>.size))
      stream.close()
      try await eventually("the server sees the client go") {
        sidecar.deployment.server.connectionCount == 0
      }
      request.accept()
      request.send(.sandboxReady)
      try await eventually("the connection ends") { request.connection.hasEnded }
      #expect(request.connection.bytes.isEmpty)
      #expect(try sidecar.deployment.sandbox(id).runningExecs == 0)
    }
  }
}
