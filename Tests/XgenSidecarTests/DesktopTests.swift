import Glibc
import Reactor
import Testing

@testable import XgenSidecar

/// What keeps a desktop running; its programs are of the tests on a server.
@Suite struct DesktopTests {
  private static let pace = Desktop.Pace(firstDelayMs: 1, maxDelayMs: 4, steadyMs: 60_000)

  private static func desktop(
    _ script: String, in harness: SidecarHarness, tell: @escaping (String) -> Void = { _ in },
    onGivingUp: @escaping () -> Void = {}
  ) -> Desktop {
    let environment = Desktop.environment(harness.sidecar.environment, password: "secret")
    return Desktop(
      loop: harness.loop, environment: environment, directory: harness.workspace, pace: pace,
      script: script, tell: tell, onGivingUp: onGivingUp)
  }

  private static func lines(_ file: String, _ harness: SidecarHarness) -> [Substring] {
    let file = open(harness.workspace + "/" + file, O_RDONLY)
    defer { if file >= 0 { close(file) } }
    let text = [UInt8](unsafeUninitializedCapacity: 4096) { room, count in
      count = max(0, read(file, room.baseAddress, room.count))
    }
    return String(decoding: text, as: UTF8.self).split(separator: "\n")
  }

  @Test func itIsStartedAgainEachTimeItEnds() throws {
    let harness = try SidecarHarness(environment: ["PATH": "/usr/bin:/bin"])
    let desktop = Self.desktop("echo $SANDBOX_DESKTOP_PASSWORD >>starts; kill -KILL 0", in: harness)
    harness.run { Self.lines("starts", harness).count >= 8 }
    #expect(Self.lines("starts", harness).allSatisfy { $0 == "secret" })
    desktop.end()
    harness.finish()
  }

  @Test func whatCanNotBeHadIsNotTriedAgain() throws {
    let harness = try SidecarHarness(environment: ["PATH": "/usr/bin:/bin"])
    var hasGivenUp = false
    let desktop = Self.desktop(
      "echo once >>starts; exit 127", in: harness, onGivingUp: { hasGivenUp = true })
    harness.run { hasGivenUp }
    harness.run(forMs: 30)
    #expect(Self.lines("starts", harness) == ["once"])
    desktop.end()
    harness.finish()
  }

  @Test func itsEndIsThatOfAllThatItHasStarted() throws {
    let harness = try SidecarHarness(environment: ["PATH": "/usr/bin:/bin"])
    let desktop = Self.desktop("sleep 600 & echo $! >pid.part; mv pid.part pid; wait", in: harness)
    let turns = harness.loop.every(ms: 5) {}  // a file that appears turns no loop
    harness.run { !Self.lines("pid", harness).isEmpty }
    let pid = try #require(Self.lines("pid", harness).first.flatMap { Int32($0) })
    #expect(kill(pid, 0) == 0)
    desktop.end()
    harness.run { Self.hasEnded(pid) }
    turns.cancel()
    harness.finish()
  }

  @Test func whatAnEndLeavesBehindGoesBeforeTheNextStart() throws {
    let harness = try SidecarHarness(environment: ["PATH": "/usr/bin:/bin"])
    let script = "sleep 600 & echo $! >>pids; [ $(wc -l <pids) -ge 3 ] && wait; kill -KILL $$"
    let desktop = Self.desktop(script, in: harness)
    let turns = harness.loop.every(ms: 5) {}
    harness.run { Self.lines("pids", harness).count == 3 }
    let pids = Self.lines("pids", harness).compactMap { Int32($0) }
    harness.run { pids.dropLast().allSatisfy(Self.hasEnded) }
    #expect(!Self.hasEnded(pids[2]))
    desktop.end()
    harness.run { Self.hasEnded(pids[2]) }
    turns.cancel()
    harness.finish()
  }

  /// It is one printable line of bounded length, however much was written, and told only so often.
  @Test func theReasonIsWhatItSaidLast() throws {
    let harness = try SidecarHarness(environment: ["PATH": "/usr/bin:/bin"])
    var told: [String] = []
    let script = "printf 'a\\033b'; head -c 5000 /dev/zero | tr '\\0' x >&2"
    let desktop = Self.desktop(script, in: harness, tell: { told.append($0) })
    harness.run { told.count == Self.pace.maxToldInARow }
    harness.run(forMs: 30)
    #expect(told.count == Self.pace.maxToldInARow)
    #expect(told[0] == "a?b" + String(repeating: "x", count: 509))
    desktop.end()
    harness.finish()
  }

  /// Gone, or waiting for whoever reaps orphans here.
  private static func hasEnded(_ pid: Int32) -> Bool {
    let file = open("/proc/\(pid)/stat", O_RDONLY)
    if file < 0 { return true }
    defer { close(file) }
    let text = [UInt8](unsafeUninitializedCapacity: 512) { room, count in
      count = max(0, read(file, room.baseAddress, room.count))
    }
    return String(decoding: text, as: UTF8.self).contains(") Z ")
  }

  /// Without its programs it says which packages are missing; the shell itself parses all of it.
  @Test func theScriptNamesWhatIsMissing() throws {
    let harness = try SidecarHarness(environment: ["PATH": "/nowhere"])
    var hasGivenUp = false
    var told: [String] = []
    let desktop = Self.desktop(
      DesktopScript.text, in: harness, tell: { told.append($0) }, onGivingUp: { hasGivenUp = true })
    harness.run { hasGivenUp }
    let packages = "tigervnc-standalone-server tigervnc-tools openbox websockify"
    #expect(told.count == 1 && told[0].hasPrefix("it needs the Debian packages \(packages)"))
    desktop.end()
    harness.finish()
  }
}
