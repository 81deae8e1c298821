import Reactor
import ServerTestSupport
import TestSupport
import Testing
import XgenProtocol

@testable import XgenServer

/// Exec as an event stream, with a sidecar that the test plays.
@Suite struct ExecStreamTests {
  private static let stream = [HTTPField(fixed: "Accept", "text/event-stream")]

  /// Runs an exec against a sidecar that does so after the handshake; `check` gets the answer and
  /// the sandbox's state after it.
  private static func exec(
    _ body: String = #"{"command":"ls"}"#,
    _ play: @escaping @Sendable @LoopActor (LyingSidecar.Request) -> Void,
    check: @escaping @Sendable @LoopActor (_ answer: APIClient.Answer, _ status: String) -> Void
  ) async throws {
    try await LyingSidecar.with { sidecar in
      sidecar.onRequest = { request in
        request.accept()
        play(request)
      }
      let id = try await sidecar.client.create()
      let answer = try await sidecar.client.send(
        .post, "/api/v1/sandboxes/\(id)/exec", body, stream)
      check(answer, try await sidecar.client.status(id))
      #expect(sidecar.deployment.server.sidecars.capturedBytes == 0)
      #expect(try sidecar.deployment.sandbox(id).runningExecs == 0)
    }
  }

  private static func exit(_ code: Int32) -> [UInt8] { ExecExit(exitCode: code).encode() }

  @Test func eventsComeInOrderAndExitIsTheLast() async throws {
    try await Self.exec { request in
      request.send(.sandboxReady)
      request.send(.ack, ExecAck(processID: 1, channel: 101).encode(), id: 1)
      request.send(.execStdout, Array("a\n\"".utf8))
      request.send(.execStderr, Array("b".utf8))
      request.send(.execStdout, [0xC3])
      request.send(.execStdout, [0xA9, 0xE2])
      request.send(.execExit, Self.exit(7))
    } check: { answer, _ in
      #expect(answer.status == 200 && answer.fields["content-type"] == "text/event-stream")
      #expect(answer.fields["cache-control"] == "no-store")
      #expect(
        answer.text == """
          event: stdout
          data: {"data":"a\\n\\""}

          event: stderr
          data: {"data":"b"}

          event: stdout
          data: {"data":"é"}

          event: stdout
          data: {"data":"\u{FFFD}"}

          event: exit
          data: {"exit_code":7}


          """)
    }
  }

  @Test func whatGoesWrongOnTheWayIsAnEvent() async throws {
    try await Self.exec { request in
      request.send(.sandboxReady)
      request.send(.execStdout, Array("so far".utf8))
      request.connection.send([0x82, 3, 0x50, 0, 0])
    } check: { answer, status in
      #expect(answer.status == 200 && status == "error")
      #expect(answer.text.hasPrefix("event: stdout\ndata: {\"data\":\"so far\"}\n\nevent: error\n"))
      #expect(answer.text.contains("\"code\":\"SANDBOX_UNREACHABLE\""))
    }
  }

  @Test func whatGoesWrongBeforeIsAnOrdinaryError() async throws {
    try await Self.exec { request in
      request.send(.sandboxReady)
      request.connection.send([0x82, 3, 0x50, 0, 0])
    } check: { answer, status in
      #expect(answer.status == 502 && answer["code"] == "SANDBOX_UNREACHABLE")
      #expect(status == "error")
    }
  }

  @Test func aTimeoutIsAnEvent() async throws {
    try await Self.exec(#"{"command":"ls","timeout_seconds":1}"#) { request in
      request.send(.sandboxReady)
      request.send(.execStdout, [0x61, 0xE2])
    } check: { answer, status in
      #expect(answer.status == 200 && status == "running")
      #expect(
        answer.text.contains("\"code\":\"EXEC_TIMEOUT\"") && !answer.text.contains("exit_code"))
    }
  }

  @Test func aSlowReaderStopsTheSidecar() async throws {
    try await LyingSidecar.with { sidecar in
      let piece = [UInt8](repeating: 0x61, count: 1 << 19)
      var flood: LyingSidecar.Request?
      sidecar.onRequest = { request in
        request.accept()
        request.send(.sandboxReady)
        request.send(.ack, ExecAck(processID: 1, channel: 101).encode(), id: 1)
        flood = request
        for _ in 0..<64 { request.send(.execStdout, piece) }
      }
      let id = try await sidecar.client.create()
      let body = #"{"command":"yes"}"#
      let raw = StreamProbe(
        try SocketStream.connect(loop: LoopActor.loop, to: sidecar.deployment.address),
        reads: false)
      raw.send(
        "POST /api/v1/sandboxes/\(id)/exec HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n"
          + "Content-Length: \(body.utf8.count)\r\nAuthorization: ApiKey \(Deployment.adminKey)"
          + "\r\n\r\n\(body)")
      let request = try await eventualValue("the flood") { flood }
      var last = -1
      try await eventually("the flow stands still") {
        let pending = request.connection.stream.pendingByteCount
        defer { last = pending }
        await turns(50)
        return pending == last
      }
      #expect(last > 16 << 20)  // 32 MiB were sent
      raw.stream.resumeReading()
      try await eventually("all of it has come") {
        _ = raw.take()
        return request.connection.stream.pendingByteCount == 0
      }
      raw.stream.close()
      try await eventually("its exec is over") {
        try sidecar.deployment.sandbox(id).runningExecs == 0
      }
    }
  }
}
