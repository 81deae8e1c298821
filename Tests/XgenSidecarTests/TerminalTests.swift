import Reactor
import Testing
import XgenProtocol

@testable import XgenSidecar

/// Commands with a terminal of their own.
@Suite struct TerminalTests {
  @Test func sizeIsSetBeforeStartAndByResize() throws {
    let harness = try SidecarHarness()
    let client = harness.connect()
    client.send(
      ExecStart(
        command: "/bin/sh", args: ["-c", "stty size; read x; stty size"], tty: true, cols: 100,
        rows: 30), channel: 7)
    harness.run { client.stdout().contains("30 100\r\n") }
    client.send(ExecResize(cols: 120, rows: 40), channel: 7)
    client.stdin("\n")
    #expect(client.waitForExit() == 0)
    #expect(client.stdout().hasSuffix("40 120\r\n"))
    harness.finish()
  }

  @Test func resizeRaisesSIGWINCH() throws {
    let harness = try SidecarHarness()
    let client = harness.connect()
    let script = "trap 'stty size; exit 0' WINCH; echo ready; while :; do sleep 0.02; done"
    client.shell(script, tty: true)
    harness.run { client.stdout() == "ready\r\n" }
    client.send(ExecResize(cols: 91, rows: 31), channel: 7)
    #expect(client.waitForExit() == 0)
    #expect(client.stdout() == "ready\r\n31 91\r\n")
    harness.finish()
  }

  @Test func stdoutAndStderrAreOneAndATerminal() throws {
    let harness = try SidecarHarness()
    let client = harness.connect()
    client.shell("tty -s && echo terminal; echo err >&2; test -t 2 && echo two", tty: true)
    #expect(client.waitForExit() == 0)
    #expect(client.stdout() == "terminal\r\nerr\r\ntwo\r\n")
    #expect(client.stderr() == "")
    harness.finish()
  }

  @Test func controlCInterruptsForegroundCommand() throws {
    let harness = try SidecarHarness()
    let client = harness.connect()
    client.start("cat", tty: true)
    client.stdin("x\n")
    harness.run { client.stdout() == "x\r\nx\r\n" }
    client.stdin("\u{3}")
    #expect(client.waitForExit() == 130)
    harness.finish()
  }

  @Test func interruptSignalReachesForegroundJobOfInteractiveShell() throws {
    let harness = try SidecarHarness()
    let client = harness.connect()
    let arguments = ["--norc", "--noprofile", "-i"]
    client.send(
      ExecStart(command: "/bin/bash", args: arguments, env: ["PS1": "next>"], tty: true),
      channel: 7)
    client.stdin("/bin/sh -c 'echo $((6 * 7)); exec cat'\n")
    harness.run { client.stdout().contains("42\r\n") }
    client.stdin("x\n")
    harness.run { client.stdout().contains("x\r\nx\r\n") }  // cat has it: signals are default
    let before = client.stdout().utf8.count
    client.send(ExecSignal(signal: .interrupt), channel: 7)
    harness.run { client.stdout().utf8.dropFirst(before).contains(UInt8(ascii: ">")) }
    client.stdin("echo code=$?\n")
    harness.run { client.stdout().contains("code=130") }
    client.stdin("exit 9\n")
    #expect(client.waitForExit() == 9)
    harness.finish()
  }

  @Test func stdinCloseIsControlD() throws {
    let harness = try SidecarHarness()
    let client = harness.connect()
    client.shell("stty -echo; echo ready; cat; echo end", tty: true)
    harness.run { client.stdout() == "ready\r\n" }
    client.stdin("hello\n")
    client.send(ExecStdinClose(), channel: 7)
    #expect(client.waitForExit() == 0)
    #expect(client.stdout() == "ready\r\nhello\r\nend\r\n")
    harness.finish()
  }

  @Test func outputOfShortCommandIsComplete() throws {
    let harness = try SidecarHarness()
    let client = harness.connect()
    client.shell("seq 1 2000", tty: true)
    #expect(client.waitForExit() == 0)
    #expect(client.stdout() == (1...2000).map { "\($0)\r\n" }.joined())
    harness.finish()
  }

  @Test func outputOfEndedCommandSurvivesCongestion() throws {
    let harness = try SidecarHarness { $0.outputGraceMs = 20 }
    let client = harness.connect()
    client.wire.isCongested = true
    client.shell("seq 1 500", tty: true)
    harness.run(forMs: 300)
    #expect(client.exitCode() == nil)
    client.drain(room: 1_000_000)
    #expect(client.waitForExit() == 0)
    #expect(client.stdout() == (1...500).map { "\($0)\r\n" }.joined())
    harness.finish()
  }

  @Test func backgroundChildOnTerminalHoldsExitBriefly() throws {
    let harness = try SidecarHarness()
    let client = harness.connect()
    client.shell("trap '' HUP; sleep 5 & echo hi", tty: true)
    let before = harness.loop.nowMs
    #expect(client.waitForExit() == 0)
    #expect(harness.loop.nowMs - before < 1500)
    #expect(client.stdout() == "hi\r\n")
    harness.finish()
  }
}
