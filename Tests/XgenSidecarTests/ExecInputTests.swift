import Glibc
import Testing
import XgenProtocol

@testable import XgenSidecar

/// Stdin: by channel, its end, and its flow control.
@Suite struct ExecInputTests {
  @Test func stdinWithProcessIDZeroGoesByChannel() throws {
    let harness = try SidecarHarness()
    let client = harness.connect()
    client.start("cat", channel: 1)
    client.start("cat", channel: 2)
    client.stdin("one", channel: 1)
    client.stdin("two", channel: 2)
    harness.run { client.stdout(1) == "one" && client.stdout(2) == "two" }
    harness.finish()
  }

  @Test func stdinCloseEndsInputAfterWhatWaits() throws {
    let harness = try SidecarHarness()
    let client = harness.connect()
    client.start("wc", ["-c"])
    let chunk = [UInt8](repeating: 65, count: 100_000)
    for _ in 0..<5 { client.stdin(chunk) }
    client.send(ExecStdinClose(), channel: 7)
    #expect(client.waitForExit() == 0)
    #expect(client.stdout() == "500000\n")
    harness.finish()
  }

  @Test func stdinToProcessThatClosedItIsDropped() throws {
    let harness = try SidecarHarness()
    let client = harness.connect()
    client.shell("exec 0<&-; echo closed; sleep 0.1; exit 4")
    harness.run { client.stdout() == "closed\n" }
    for _ in 0..<3 { client.stdin("x") }
    #expect(client.waitForExit() == 4)
    harness.finish()
  }

  @Test func deafProcessPausesClientOnlyAboveMark() throws {
    let harness = try SidecarHarness()
    let client = harness.connect()
    client.shell("sleep 100", channel: 7)
    client.stdin([UInt8](repeating: 0, count: 700 * 1024))
    #expect(!client.wire.isPaused)
    client.stdin([UInt8](repeating: 0, count: 300 * 1024))
    #expect(client.wire.isPaused)
    client.send(ExecSignal(signal: .kill), channel: 7)
    #expect(client.waitForExit() == 137)
    #expect(!client.wire.isPaused, "the end of the process frees the client")
    harness.finish()
  }

  @Test func slowReaderGetsAllBytesInOrder() throws {
    let harness = try SidecarHarness()
    let client = harness.connect()
    client.start("md5sum")
    let chunk = (0..<32 * 1024).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
    for _ in 0..<64 {
      harness.run { !client.wire.isPaused }
      client.stdin(chunk)
    }
    client.send(ExecStdinClose(), channel: 7)
    client.waitForExit()
    let all = Array(repeating: chunk, count: 64).flatMap { $0 }
    try writeFile(harness.workspace + "/expected", all)
    client.shell("md5sum < expected", channel: 8)
    client.waitForExit(8)
    #expect(client.stdout(7) == client.stdout(8))
    harness.finish()
  }

  @Test func pausedClientGoesOnWhenProcessReads() throws {
    let harness = try SidecarHarness()
    let client = harness.connect()
    client.shell("mkfifo fifo", channel: 8)
    client.waitForExit(8)
    client.shell("read line < fifo; wc -c", channel: 9)
    client.stdin([UInt8](repeating: 0, count: 1000 * 1024), channel: 9)
    #expect(client.wire.isPaused)
    client.shell("echo go > fifo", channel: 10)
    harness.run { !client.wire.isPaused }
    client.send(ExecStdinClose(), channel: 9)
    client.waitForExit(9)
    #expect(client.stdout(9) == "1024000\n")
    harness.finish()
  }

  @Test func stalledStdinIsGivenUpWithError() throws {
    let harness = try SidecarHarness { $0.stdinStallMs = 100 }
    let client = harness.connect()
    client.shell("sleep 100")
    client.stdin([UInt8](repeating: 0, count: 1000 * 1024))
    #expect(client.wire.isPaused)
    harness.run { !client.wire.isPaused }
    let error = client.first(ErrorPayload.self) { $0.channel == 7 && $0.id == 0 }
    #expect(error?.knownCode == .limitReached)
    client.send(ExecSignal(signal: .terminate), channel: 7)
    #expect(client.waitForExit() == 143)
    harness.finish()
  }
}

func writeFile(_ path: String, _ bytes: [UInt8]) throws {
  let file = try #require(fopen(path, "w"))
  fwrite(bytes, 1, bytes.count, file)
  fclose(file)
}

func isRunning(_ pid: Int32) -> Bool { kill(pid, 0) == 0 && !isZombie(pid) }

private func isZombie(_ pid: Int32) -> Bool {
  guard let file = fopen("/proc/\(pid)/stat", "r") else { return true }
  defer { fclose(file) }
  var line = [UInt8](repeating: 0, count: 512)
  let count = fread(&line, 1, line.count, file)
  let text = String(decoding: line.prefix(count), as: UTF8.self)
  return ProcessSweep.Membership(stat: text)?.isZombie ?? true
}
