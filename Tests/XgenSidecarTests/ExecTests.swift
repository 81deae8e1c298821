import Reactor
import TestSupport
import Testing
import XgenProtocol

@testable import XgenSidecar

/// Commands with pipes: output, exit codes, environment, limits.
@Suite struct ExecTests {
  @Test func sendsAckThenOutputThenExit() throws {
    let harness = try SidecarHarness()
    let client = harness.connect()
    client.shell("echo out; echo err >&2; exit 3")
    #expect(client.ack()?.channel == 7)
    #expect(client.waitForExit() == 3)
    #expect(client.stdout() == "out\n")
    #expect(client.stderr() == "err\n")
    let types = client.wire.types.filter { $0 != .portOpen }
    #expect(types.prefix(2) == [.sandboxReady, .ack])
    #expect(types.last == .execExit)
    harness.finish()
  }

  @Test func outputAndExitFramesHaveIDZero() throws {
    let harness = try SidecarHarness()
    let client = harness.connect()
    client.shell("echo out; echo err >&2")
    client.waitForExit()
    for message in client.wire.messages where message.head.messageType != .ack {
      #expect(message.head.id == 0)
    }
    harness.finish()
  }

  @Test func exitCarriesBothSpellings() throws {
    let harness = try SidecarHarness()
    let client = harness.connect()
    client.shell("exit 5")
    client.waitForExit()
    let exit = client.wire.messages.last { $0.head.messageType == .execExit }!
    let text = String(decoding: exit.payload, as: UTF8.self)
    #expect(text.contains("exit_code") && text.contains("exitCode"))
    harness.finish()
  }

  @Test func runsCommandWithArgumentsWithoutShell() throws {
    let harness = try SidecarHarness()
    let client = harness.connect()
    client.start("printf", ["%s|", "a b", "$HOME", "*"])
    #expect(client.waitForExit() == 0)
    #expect(client.stdout() == "a b|$HOME|*|")
    harness.finish()
  }

  @Test func startsInWorkspaceByDefault() throws {
    let harness = try SidecarHarness()
    let client = harness.connect()
    client.start("pwd", channel: 1)
    client.send(ExecStart(command: "pwd", cwd: "/"), channel: 2)
    client.shell("mkdir sub", channel: 3)
    client.waitForExit(3)
    client.send(ExecStart(command: "pwd", cwd: "sub"), channel: 4)
    for channel: UInt32 in [1, 2, 4] { client.waitForExit(channel) }
    #expect(client.stdout(1) == harness.workspace + "\n")
    #expect(client.stdout(2) == "/\n")
    #expect(client.stdout(4) == harness.workspace + "/sub\n")
    harness.finish()
  }

  @Test func answersExecFailedForMissingWorkingDirectory() throws {
    let harness = try SidecarHarness()
    let client = harness.connect()
    client.send(ExecStart(command: "true", cwd: "nowhere"), channel: 7, id: 4)
    #expect(client.error(4) == .execFailed)
    harness.finish()
  }

  @Test func laysRequestOverSandboxOverDefaultEnvironment() throws {
    let harness = try SidecarHarness(environment: ["LANG": "de", "A": "1", "B": "2"])
    let client = harness.connect()
    client.send(ExecStart(command: "env", env: ["B": "3", "C": "4"]), channel: 7)
    client.waitForExit()
    let lines = client.stdout().split(separator: "\n")
    for line in ["LANG=de", "A=1", "B=3", "C=4", "USER=sandbox", "TERM=xterm-256color"] {
      #expect(lines.contains(Substring(line)))
    }
    #expect(lines.contains { $0.hasPrefix("PATH=/home/sandbox/.local/bin:") })
    harness.finish()
  }

  @Test(arguments: [("KILL", 137), ("TERM", 143), ("SIGHUP", 129), ("int", 130)])
  func exitCodeOfSignalIs128More(_ signal: String, _ code: Int32) throws {
    let harness = try SidecarHarness()
    let client = harness.connect()
    client.start("sleep", ["100"])
    client.send(ExecSignal(signal: SignalNumber(name: signal)!), channel: 7)
    #expect(client.waitForExit() == code)
    harness.finish()
  }

  @Test func signalReachesWholeGroup() throws {
    let harness = try SidecarHarness()
    let client = harness.connect()
    client.shell("sleep 100 & echo $!; wait; sleep 100")
    harness.run { client.stdout().hasSuffix("\n") }
    let background = Int32(client.stdout().dropLast())!
    client.send(ExecSignal(signal: .terminate), channel: 7)
    #expect(client.waitForExit() == 143)
    harness.run { !isRunning(background) }
    harness.finish()
  }

  @Test func processIDWinsOverChannel() throws {
    let harness = try SidecarHarness()
    let client = harness.connect()
    client.start("cat", channel: 1, id: 1)
    client.start("cat", channel: 2, id: 2)
    client.stdin("x", channel: 1, processID: client.ack(2)!.processID)
    harness.run { client.stdout(2) == "x" }
    client.send(
      ExecSignal(processID: client.ack(1)!.processID, signal: .terminate), channel: 2)
    #expect(client.waitForExit(1) == 143)
    #expect(client.exitCode(2) == nil)
    harness.finish()
  }

  @Test func refusesSecondProcessOnLiveChannel() throws {
    let harness = try SidecarHarness()
    let client = harness.connect()
    client.start("cat", id: 1)
    client.start("true", id: 2)
    #expect(client.error(2) == .channelInUse)
    client.send(ExecStdinClose(), channel: 7)
    #expect(client.waitForExit() == 0)
    client.start("true", id: 3)
    #expect(client.ack(3)?.channel == 7)
    harness.finish()
  }

  @Test func givesChannelsFrom101ToChannelZero() throws {
    let harness = try SidecarHarness()
    let client = harness.connect()
    client.start("cat", channel: 102)
    for id: UInt32 in 2...3 { client.start("echo", ["hi"], channel: 0, id: id) }
    #expect(client.ack(2)?.channel == 101)
    #expect(client.ack(3)?.channel == 103)
    client.waitForExit(103)
    #expect(client.stdout(103) == "hi\n")
    #expect(client.answer(2)?.head.channel == 0)
    harness.finish()
  }

  @Test func answersUnknownProcess() throws {
    let harness = try SidecarHarness()
    let client = harness.connect()
    client.send(ExecSignal(signal: .terminate), channel: 9, id: 1)
    client.send(ExecResize(processID: 77, cols: 1, rows: 1), channel: 9, id: 2)
    client.send(ExecStdinClose(), channel: 9, id: 3)
    for id: UInt32 in 1...3 { #expect(client.error(id) == .unknownProcess) }
    harness.finish()
  }

  @Test func processesAreLimitedPerSessionAndSidecar() throws {
    let harness = try SidecarHarness {
      $0.processesPerSession = 2
      $0.processesPerSidecar = 3
    }
    let first = harness.connect()
    let second = harness.connect()
    for channel: UInt32 in 1...3 { first.start("cat", channel: channel, id: channel) }
    #expect(first.error(3) == .limitReached)
    for channel: UInt32 in 1...2 { second.start("cat", channel: channel, id: channel) }
    #expect(second.error(1) == nil)
    #expect(second.error(2) == .limitReached)
    harness.finish()
  }
}
