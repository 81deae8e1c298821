import Reactor
import Testing

@testable import XgenSidecar

/// The command line and the environment.
@Suite struct SidecarCommandTests {
  @Test func parsesServe() throws {
    #expect(
      try SidecarCommand.parse(["serve", "--listen-fd", "3"])
        == .serve(SidecarConfiguration(listen: .descriptor(3))))
    var expected = SidecarConfiguration(listen: .address(.loopback(port: 80)))
    expected.workspace = "/w"
    expected.maxProcesses = 10
    expected.maxOpenFiles = 1024
    expected.maxFileBytes = 5
    expected.maxDataBytes = 268_435_456
    let arguments = [
      "serve", "--listen", "127.0.0.1:80", "--workspace", "/w", "--max-processes", "10",
      "--max-open-files", "1024", "--max-file-bytes", "5", "--max-data-bytes", "268435456",
    ]
    #expect(try SidecarCommand.parse(arguments) == .serve(expected))
  }

  @Test func whatFollowsTwoDashesIsRunFromTheStart() throws {
    var expected = SidecarConfiguration(listen: .descriptor(3))
    expected.startCommand = ["sh", "-c", "true", "--help"]
    #expect(
      try SidecarCommand.parse(
        ["serve", "--listen-fd", "3", "--", "sh", "-c", "true", "--help"]) == .serve(expected))
  }

  @Test func aDesktopIsPartOfASandboxOrAlone() throws {
    var expected = SidecarConfiguration(listen: .descriptor(3))
    expected.hasDesktop = true
    #expect(
      try SidecarCommand.parse(["serve", "--desktop", "--listen-fd", "3"]) == .serve(expected))
    #expect(try SidecarCommand.parse(["desktop"]) == .desktop)
  }

  @Test func parsesHelpAndVersion() throws {
    #expect(try SidecarCommand.parse(["--help"]) == .help)
    #expect(try SidecarCommand.parse(["serve", "--help"]) == .help)
    #expect(try SidecarCommand.parse(["--version"]) == .version)
  }

  @Test(
    arguments: [
      ([], "missing command: serve"),
      (["run"], "unknown command: run"),
      (["desktop", "now"], "desktop takes no arguments"),
      (["serve"], "missing option: --listen-fd or --listen"),
      (["serve", "--listen-fd"], "--listen-fd: missing value"),
      (["serve", "--listen-fd", "x"], "--listen-fd: not a descriptor: x"),
      (["serve", "--listen-fd", "-1"], "--listen-fd: not a descriptor: -1"),
      (["serve", "--listen", "example.org:1"], "--listen: not an address: example.org:1"),
      (["serve", "--listen-fd", "3", "--listen-fd", "4"], "--listen-fd: given twice"),
      (
        ["serve", "--listen-fd", "3", "--listen", ":1"],
        "--listen-fd and --listen exclude each other"
      ),
      (["serve", "--listen-fd", "3", "--workspace", "w"], "--workspace: not an absolute path"),
      (["serve", "--listen-fd", "3", "--what", "w"], "unknown option: --what"),
      (
        ["serve", "--listen-fd", "3", "--max-open-files", "5"],
        "--max-open-files: not a number of at least 64: 5"
      ),
    ] as [([String], String)])
  func namesWhatIsWrong(_ arguments: [String], _ message: String) {
    #expect(throws: SidecarCommand.UsageError(message)) {
      try SidecarCommand.parse(arguments)
    }
  }

  @Test func environmentHasDefaultsAndIsSorted() {
    let environment = BaseEnvironment(["HOME": "/h", "X": "1"])
    let merged = environment.merged(with: ["X": "2", "A": ""])
    #expect(merged == merged.sorted())
    #expect(merged.contains("HOME=/h") && merged.contains("X=2") && merged.contains("A="))
    #expect(merged.contains("LANG=C.UTF-8"))
    #expect(BaseEnvironment.ofThisProcess()["PATH"] != nil)
  }

  @Test func gateTellsOnlyOfChanges() {
    var gate = ReceivingGate()
    #expect(gate.set(.stdin, false) == .none)
    #expect(gate.set(.stdin, true) == .pause)
    #expect(gate.set(.replies, true) == .none)
    #expect(gate.set(.stdin, false) == .none)
    #expect(gate.set(.replies, false) == .resume)
  }
}
