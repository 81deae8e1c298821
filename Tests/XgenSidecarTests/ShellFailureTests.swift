import TestSupport
import Testing
import XgenProtocol

@testable import XgenSidecar

/// Commands that can't be run are `exec_failed`, with what a shell would have exited with.
@Suite struct ShellFailureTests {
  private func outcome(
    _ command: String, prepare: String = "true"
  ) throws -> (code: Int32?, text: String) {
    let harness = try SidecarHarness()
    let client = harness.connect()
    client.shell(prepare, channel: 1)
    client.waitForExit(1)
    client.start(command, id: 2)
    client.wait(for: 2)
    let failure = client.failure(2)
    #expect(failure?.knownCode == .execFailed)
    let result = (failure?.exitCode, failure?.message ?? "")
    client.start("true", id: 3)
    #expect(client.ack(3) != nil, "the channel is free again")
    harness.finish()
    return result
  }

  @Test func missingCommandIs127() throws {
    let result = try outcome("no-such-command")
    #expect(result.code == 127)
    #expect(result.text == "no-such-command: no such file or directory")
    #expect(try outcome("/no/such/command").code == 127)
  }

  @Test func fileThatIsNotExecutableIs126() throws {
    let result = try outcome("./plain", prepare: "echo > plain")
    #expect(result.code == 126)
    #expect(result.text == "./plain: permission denied")
  }

  @Test func directoryIs126() throws {
    #expect(try outcome("/usr").code == 126)
  }

  @Test func scriptWithoutInterpreterLineIs126() throws {
    let result = try outcome("./script", prepare: "echo 'echo hi' > script; chmod +x script")
    #expect(result.code == 126)
    #expect(result.text == "./script: exec format error")
  }

  @Test func missingInterpreterIs126() throws {
    let script = "printf '#!/no/such\\n' > script; chmod +x script"
    let result = try outcome("./script", prepare: script)
    #expect(result.code == 126)
    #expect(result.text == "./script: bad interpreter")
  }
}
