import Reactor
import ServerTestSupport
import TestSupport
import Testing

@testable import XgenServer

/// Commands by REST, in real sandboxes.
@Suite struct ExecTests {
  @Test func aCommandGetsItsArgumentsEnvironmentAndFolder() async throws {
    try await LocalDeployment.with { local in
      let id = try await local.client.create(
        #"{"template":"python","env":{"FROM_CREATE":"1","BOTH":"old"}}"#)
      let script =
        "import os, sys; print(sys.argv[1:], os.environ['FROM_CREATE'], os.environ['BOTH'], "
        + "os.getcwd()); print(sys.stdin.read(), file=sys.stderr); sys.exit(3)"
      let answer = try await local.client.exec(
        id,
        #"{"command":"python3","args":["-c","\#(script)","a b","é"],"env":{"BOTH":"new"},"#
          + #""cwd":"/tmp","stdin":"from stdin"}"#)
      #expect(answer.status == 200 && answer.int("exit_code") == 3)
      #expect(answer["stdout"] == "['a b', 'é'] 1 new /tmp\n")
      #expect(answer["stderr"] == "from stdin\n")
      #expect(answer.json.objectValue?["truncated"] == nil)
    }
  }

  @Test func aTimeoutEndsTheCommandAndKeepsItsOutput() async throws {
    try await LocalDeployment.with { local in
      let id = try await local.client.create()
      let answer = try await local.client.exec(
        id,
        #"{"command":"sh","args":["-c","echo out; echo err >&2; sleep 1000 & sleep 1000"],"#
          + #""timeout_seconds":1}"#)
      #expect(answer.status == 504 && answer["code"] == "EXEC_TIMEOUT")
      #expect(answer["stdout"] == "out\n" && answer["stderr"] == "err\n")
      #expect(try await local.client.sleepers(id) == 0)
    }
  }

  @Test(arguments: [
    (#"{"command":"no-such-command"}"#, 127), (#"{"command":"/etc/passwd"}"#, 126),
    (#"{"command":"sh","args":["-c","kill -9 $$"]}"#, 137),
  ])
  func whatAShellWouldSayIsTheExitCode(body: String, code: Int) async throws {
    try await LocalDeployment.with { local in
      let id = try await local.client.create()
      let answer = try await local.client.exec(id, body)
      #expect(answer.status == 200 && answer.int("exit_code") == Int64(code))
      #expect(answer["stderr"].isEmpty == (code == 137))
    }
  }

  @Test func aCommandDiesWithItsClientsConnection() async throws {
    try await LocalDeployment.with { local in
      let id = try await local.client.create()
      let sandbox = try local.deployment.sandbox(id)
      let body = #"{"command":"sleep","args":["1000"]}"#
      let raw = StreamProbe(
        try SocketStream.connect(loop: LoopActor.loop, to: local.deployment.address))
      raw.send(
        "POST /api/v1/sandboxes/\(id)/exec HTTP/1.1\r\nHost: x\r\nContent-Length: "
          + "\(body.utf8.count)\r\nAuthorization: ApiKey \(Deployment.adminKey)\r\n\r\n\(body)")
      try await eventually("it runs") { try await local.client.sleepers(id) == 1 }
      #expect(sandbox.runningExecs > 0)
      raw.stream.close()
      try await eventually("it is gone") { try await local.client.sleepers(id) == 0 }
      try await eventually("its exec is over") { sandbox.runningExecs == 0 }
    }
  }
}

extension APIClient {
  /// How many processes called sleep run in a sandbox.
  fileprivate func sleepers(_ id: String) async throws -> Int? {
    let script = "cat /proc/[0-9]*/comm | grep -cx sleep"
    let answer = try await exec(id, #"{"command":"sh","args":["-c","\#(script)"]}"#)
    return Int(answer["stdout"].dropLast())
  }
}
