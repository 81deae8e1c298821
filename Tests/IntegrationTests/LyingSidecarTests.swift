import Reactor
import ServerTestSupport
import TestSupport
import Testing
import XgenProtocol

@testable import XgenServer

/// A sidecar that hangs, breaks off or talks nonsense gives its clients a clear error and puts
/// its sandbox into `error`; the server is whole.
@Suite struct LyingSidecarTests {
  private static let ls = #"{"command":"ls","timeout_seconds":1}"#

  private static func timeouts(_ answerMs: UInt64 = 10_000) -> SidecarTimeouts {
    var timeouts = SidecarTimeouts()
    timeouts.answerMs = answerMs
    return timeouts
  }

  /// The server does all that it should for the next sandbox.
  @LoopActor
  private static func expectWhole(_ sidecar: LyingSidecar) async throws {
    #expect(try await sidecar.client.send(.get, "/healthz").text == "ok")
    sidecar.onRequest = { request in
      request.accept()
      request.send(.sandboxReady)
      request.send(.ack, ExecAck(processID: 1, channel: 101).encode(), id: 1)
      request.send(.execStdout, Array("fine".utf8))
      request.send(.execExit, ExecExit(exitCode: 0).encode())
    }
    let id = try await sidecar.client.create()
    let answer = try await sidecar.client.exec(id, ls)
    #expect(answer.status == 200 && answer["stdout"] == "fine")
    #expect(sidecar.deployment.server.sidecars.capturedBytes == 0)
    #expect(try sidecar.deployment.sandbox(id).runningExecs == 0)
  }

  @Test func oneThatHangsIsGivenUp() async throws {
    try await LyingSidecar.with(timeouts: Self.timeouts(250)) { sidecar in
      let id = try await sidecar.client.create()
      let exec = try await sidecar.client.exec(id, Self.ls)
      #expect(exec.status == 502 && exec["error"].contains("no answer in time"))
      let services = try await sidecar.client.send(.get, "/api/v1/sandboxes/\(id)/services")
      #expect(services.status == 502)
      #expect(await sidecar.client.refusal(id) == 502)
      try await Self.expectWhole(sidecar)
    }
  }

  @Test func oneThatBreaksOffIsUnreachable() async throws {
    try await LyingSidecar.with { sidecar in
      sidecar.onRequest = { $0.connection.stream.close() }
      let id = try await sidecar.client.create()
      #expect(try await sidecar.client.exec(id, Self.ls).status == 502)
      #expect(await sidecar.client.refusal(id) == 502)
      #expect(try await sidecar.client.status(id) == "running")  // the health checks decide
      try await Self.expectWhole(sidecar)
    }
  }

  @Test(arguments: [
    "\0\u{1}garbage\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      + "Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n",
  ])
  func oneThatSpeaksNoHTTPIsAnError(answer: String) async throws {
    try await LyingSidecar.with { sidecar in
      sidecar.onRequest = { $0.send(answer) }
      let id = try await sidecar.client.create()
      #expect(await sidecar.client.refusal(id) == 502)
      let sandbox = try await sidecar.client.get(id)
      #expect(sandbox["status"] == "error" && sandbox["status_reason"].contains("sidecar"))
      #expect(try await sidecar.client.exec(id, Self.ls).status == 502)
      try await Self.expectWhole(sidecar)
    }
  }

  @Test(arguments: ["{}", "[1", "[0]", "[65536]", "[\"80\"]", "[1.5]"])
  func portsThatAreNoneAreAnError(body: String) async throws {
    try await LyingSidecar.with { sidecar in
      sidecar.onRequest = {
        $0.send("HTTP/1.1 200 OK\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
      }
      let id = try await sidecar.client.create()
      let answer = try await sidecar.client.send(.get, "/api/v1/sandboxes/\(id)/services")
      #expect(answer.status == 502 && answer["error"].contains("ports"))
      #expect(try await sidecar.client.status(id) == "error")
    }
  }

  @Test(arguments: [
    "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n0\r\n\r\n",
    "Content-Length: 2\r\nContent-Length: 2\r\n\r\n[]",
    "Transfer-Encoding: chunked\r\n\r\n2\r\n[]]\r\n0\r\n\r\n",
  ])
  func anAnswerWithTwoLengthsIsAnError(rest: String) async throws {
    try await LyingSidecar.with { sidecar in
      sidecar.onRequest = { $0.send("HTTP/1.1 200 OK\r\n" + rest) }
      let id = try await sidecar.client.create()
      let answer = try await sidecar.client.send(.get, "/api/v1/sandboxes/\(id)/services")
      #expect(answer.status == 502 && answer["code"] == "SANDBOX_UNREACHABLE")
      #expect(try await sidecar.client.status(id) == "error")
      try await Self.expectWhole(sidecar)
    }
  }

  @Test func requestsShareAConnectionThatEndsWithTheSandbox() async throws {
    try await LyingSidecar.with { sidecar in
      sidecar.onRequest = { $0.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n[80]") }
      let id = try await sidecar.client.create()
      for _ in 0..<3 {
        let answer = try await sidecar.client.send(.get, "/api/v1/sandboxes/\(id)/services")
        #expect(answer.status == 200)
      }
      #expect(sidecar.connections.count == 1)  // that of the first health check
      try await sidecar.client.delete(id)
      try await eventually("its connection is closed") { sidecar.connections[0].hasEnded }
    }
  }

  @Test func oneThatStopsAnsweringHealthChecksIsAnError() async throws {
    var timeouts = SidecarTimeouts()
    timeouts.healthEveryMs = 1
    timeouts.healthMs = 10
    try await LyingSidecar.with(timeouts: timeouts) { sidecar in
      let id = try await sidecar.client.create()
      sidecar.isHealthy = false
      try await eventually("it is an error") { try await sidecar.client.status(id) == "error" }
      #expect(try await sidecar.client.get(id)["status_reason"].contains("does not answer"))
    }
  }

  @Test func oneThatIsStillStartingIsNotReady() async throws {
    var timeouts = SidecarTimeouts()
    timeouts.readyMs = 20
    try await LyingSidecar.with(timeouts: timeouts) { sidecar in
      sidecar.isHealthy = false
      let created = try await sidecar.client.send(.post, "/api/v1/sandboxes", "{}")
      #expect(created.status == 201 && created["status"] == "starting")
      let early = try await sidecar.client.exec(created["id"], Self.ls)
      #expect(early.status == 409 && early["code"] == "SANDBOX_NOT_READY")
      #expect(early.fields["retry-after"] != nil)
      #expect(await sidecar.client.refusal(created["id"]) == 409)
      #expect(try await sidecar.client.delete(created["id"]) == 204)
    }
  }

  @Test func oneThatNeverStartsIsAnError() async throws {
    var timeouts = SidecarTimeouts()
    timeouts.startMs = 20
    try await LyingSidecar.with(timeouts: timeouts) { sidecar in
      sidecar.isHealthy = false
      let created = try await sidecar.client.send(.post, "/api/v1/sandboxes", "{}")
      #expect(created.status == 201)
      try await eventually("it is an error") {
        try await sidecar.client.status(created["id"]) == "error"
      }
      #expect(try await sidecar.client.get(created["id"])["status_reason"].contains("start"))
      #expect(try await sidecar.client.exec(created["id"], Self.ls).status == 502)
    }
  }
}
