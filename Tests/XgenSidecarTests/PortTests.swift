import Testing
import XgenProtocol

@testable import XgenSidecar

/// PortOpen and PortClose.
@Suite struct PortTests {
  private static let listener = """
    import socket, sys
    family = socket.AF_INET6 if sys.argv[1] == '6' else socket.AF_INET
    s = socket.socket(family); s.bind(('::1' if family == socket.AF_INET6 else '127.0.0.1', 0))
    s.listen(); print(s.getsockname()[1], flush=True); sys.stdin.read()
    """

  private func listen(_ client: Client, family: String) -> UInt16 {
    client.start("/usr/bin/python3", ["-c", Self.listener, family])
    client.harness.run { client.stdout().hasSuffix("\n") }
    return UInt16(client.stdout().dropLast())!
  }

  @Test(arguments: ["4", "6"])
  func everyConnectionHearsOfOpenAndClose(_ family: String) throws {
    let harness = try SidecarHarness()
    let client = harness.connect()
    let other = harness.connect()
    let port = listen(client, family: family)
    harness.run { client.opened(port) == 1 && other.opened(port) == 1 }
    #expect(harness.sidecar.ports.openPorts.contains(port))
    client.send(ExecStdinClose(), channel: 7)
    harness.run { client.closed(port) == 1 && other.closed(port) == 1 }
    #expect(!harness.sidecar.ports.openPorts.contains(port))
    harness.finish()
  }

  @Test func connectionHearsOfOpenPortsRightAfterReady() throws {
    let harness = try SidecarHarness { $0.busyPortPollMs = 60_000 }
    let client = harness.connect()
    let port = listen(client, family: "4")
    let late = harness.connect()
    #expect(late.wire.types.first == .sandboxReady)
    #expect(late.opened(port) == 1)
    #expect(client.opened(port) == 1, "the others hear of it, too")
    #expect(harness.sidecar.ports.openPorts == harness.sidecar.ports.openPorts.sorted())
    harness.finish()
  }

  @Test func ownPortIsHidden() throws {
    let harness = try SidecarHarness()
    let client = harness.connect()
    let port = listen(client, family: "4")
    let second = try SidecarHarness(ownPort: port)
    #expect(!second.sidecar.ports.openPorts.contains(port))
    second.finish()
    harness.finish()
  }

  @Test func parsesProcNetTCP() {
    let text = """
        sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid
         0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000
         1: 0100007F:0050 0100007F:D431 01 00000000:00000000 00:00000000 00000000  1000
         2: 00000000000000000000000001000000:0BB8 00000000000000000000000000000000:0000 0A 0:0
         3: broken
      """
    #expect(ProcNetTCP.parse(text) == [8080, 3000])
    #expect(ProcNetTCP.parse("") == [])
  }

  @Test func procAndDiagnosticsAgree() throws {
    let harness = try SidecarHarness()
    let client = harness.connect()
    let port = listen(client, family: "6")
    #expect(ProcNetTCP.listeningPorts().contains(port))
    harness.finish()
  }
}

extension Client {
  fileprivate func opened(_ port: UInt16) -> Int { all(PortOpen.self).count { $0.port == port } }
  fileprivate func closed(_ port: UInt16) -> Int { all(PortClose.self).count { $0.port == port } }
}
