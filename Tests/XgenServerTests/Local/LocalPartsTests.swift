import Glibc
import Testing

@testable import XgenServer

/// The pure parts of the local backend.
@Suite struct LocalPartsTests {
  private static let command = BubblewrapCommand(
    home: "/data/sandboxes/abc/home", etc: "/data/etc", sidecar: "/data/bin/xgen-sidecar-1",
    layout: HostLayout(entries: [
      .link(name: "bin", target: "usr/bin"), .folder(name: "lib64"),
    ]), limits: LocalLimits())

  private func contains(_ words: [String], _ run: [String]) -> Bool {
    words.indices.contains { words[$0...].starts(with: run) }
  }

  @Test func theCommandIsolatesAndOutlivesTheServer() {
    let words = Self.command.arguments
    for flag in [
      "--unshare-user", "--disable-userns", "--unshare-pid", "--unshare-ipc", "--unshare-uts",
      "--unshare-net", "--new-session", "--as-pid-1", "--clearenv",
    ] { #expect(words.contains(flag)) }
    #expect(!words.contains("--die-with-parent"))
    #expect(contains(words, ["--symlink", "usr/bin", "/bin"]))
    #expect(contains(words, ["--ro-bind", "/lib64", "/lib64"]))
    #expect(contains(words, ["--size", "67108864", "--tmpfs", "/tmp"]))
    #expect(
      words.drop { $0 != "--" } == [
        "--", "/run/xgen/xgen-sidecar", "serve", "--listen-fd", "3", "--max-processes", "512",
        "--max-open-files", "4096", "--max-file-bytes", "4294967296",
      ])
    #expect(words.filter { $0 == "--bind" }.count == 1)
    let sealing = words.lastIndex(of: "--remount-ro")!
    for mount in ["--bind", "--ro-bind", "--ro-bind-try", "--tmpfs", "--dir", "--symlink"] {
      #expect(words.lastIndex(of: mount)! < sealing)
    }
  }

  @Test func withANetworkItWaitsAtTheGateAndHasNameServers() {
    var command = Self.command
    #expect(
      contains(command.arguments, ["--ro-bind", "/data/etc/resolv.conf", "/etc/resolv.conf"]))
    #expect(!command.arguments.contains("--block-fd"))
    command.network = .internet
    let words = command.arguments
    #expect(contains(words, ["--block-fd", "7"]) && words.contains("--unshare-net"))
    #expect(
      contains(words, ["--ro-bind", "/data/etc/resolv-internet.conf", "/etc/resolv.conf"]))
    #expect(!words.contains("/data/etc/resolv.conf"))
  }

  @Test func theEnvironmentIsNulEnded() {
    let bytes = BubblewrapCommand.environmentArguments([(name: "A", value: "b c")])
    #expect(bytes == Array("--setenv\u{0}A\u{0}b c\u{0}".utf8))
  }

  @Test func aSandboxIsKnownByItsCommandLine() {
    let folder = "/data/sandboxes"
    let line = ["/usr/bin/bwrap"] + Self.command.arguments
    #expect(BubblewrapCommand.sandboxID(ofCommandLine: line, under: folder) == "abc")
    #expect(BubblewrapCommand.sandboxID(ofCommandLine: line, under: "/data/sand") == nil)
    #expect(BubblewrapCommand.sandboxID(ofCommandLine: line, under: "/other") == nil)
    #expect(
      BubblewrapCommand.sandboxID(ofCommandLine: ["vi"] + line.dropFirst(), under: folder) == nil)
    #expect(BubblewrapCommand.sandboxID(ofCommandLine: ["bwrap", "--bind"], under: folder) == nil)
    #expect(BubblewrapCommand.sandboxID(ofCommandLine: [], under: folder) == nil)
  }

  @Test func startTimesAreReadBehindHostileNames() {
    let fields = (4...52).map { String($0 * 10) }.joined(separator: " ")
    let stat = Array("77 (a) S 1 (b c) R \(fields)\n".utf8)
    #expect(HostProcess(pid: 77, stat: stat) == HostProcess(pid: 77, startTicks: 220))
    for broken in [
      "", "77", "77 (a) R 1", "77 (a) Z \(fields)", "77 (a) R x\(fields.dropLast(150))",
    ] {
      #expect(HostProcess(pid: 77, stat: Array(broken.utf8)) == nil)
    }
    #expect(HostProcess.running(getpid())?.isRunning == true)
    #expect(HostProcess.running(Int32.max) == nil)
  }

  @Test func usersGoRoundAndAreNeverTwice() {
    var users = UIDAllocator(range: 10..<13, startingNear: 5)
    var taken = [users.take(), users.take()]
    users.release(12)
    taken += [users.take(), users.take(), users.take()]
    #expect(taken == [12, 10, 11, 12, nil])
    users.release(10)
    let reserved = [10, 10, 0].map { users.reserve($0) }
    #expect(reserved == [true, false, false])
    taken = [users.take()]
    #expect(taken == [nil])
  }

  @Test func logsAreMadeHarmless() {
    let bytes: [UInt8] = Array("  bwrap:\u{1B}[2J no\n\n\troom \u{202E}x ".utf8) + [0xFF]
    #expect(LogTail.clean(bytes[...]) == "bwrap: [2J no room x \u{FFFD}")
    #expect(LogTail.read("/nowhere") == "")
  }

  @Test func theFirstProcessIsReadFromBubblewrapsAnswer() {
    #expect(BubblewrapInfo.pid(Array("{\n    \"child-pid\": 123\n}\n".utf8)) == 123)
    for bad in ["", "{", "{}", "{\"child-pid\":1}", "{\"child-pid\":\"9\"}", "[9]"] {
      #expect(BubblewrapInfo.pid(Array(bad.utf8)) == nil)
    }
  }

  @Test func versionsAreRead() throws {
    let version = try #require(BubblewrapCheck.version("bubblewrap 0.11.2"))
    #expect(version == (0, 11))
    #expect(BubblewrapCheck.version("bubblewrap") == nil)
    #expect(BubblewrapCheck.version("") == nil)
  }

  @Test func endsAreWorded() {
    #expect(SidecarEnd.reason(exitCode: nil, logTail: "") == "the sandbox's sidecar ended")
    #expect(
      SidecarEnd.reason(exitCode: 3, logTail: "x")
        == "the sandbox's sidecar ended with exit code 3: x")
  }
}
