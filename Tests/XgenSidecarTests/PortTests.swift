import TestSupport
import Testing
import XgenProtocol

@testable import XgenSidecar

/// PortOpen and PortClose.
@Suite struct PortTests {
  /// Below the ports that the kernel chooses: the tests beside this one listen on those, and the
  /// sidecar sees them, too.
  private static let listener = """
    import random, socket, sys
    family = socket.AF_INET6 if sys.argv[1] == '6' else socket.AF_INET
    while True:
      try:
        s = socket.socket(family)
        s.bind(('::1' if family == socket.AF_INET6 else '127.0.0.1', random.randrange(10000, 32000)))
        break
      except OSError: pass
    s.listen(); print(s.getsockname()[1], flush=True); sys.stdin.read()
    """

  private func listen(_ client: Client, family: String, channel: UInt32 = 7) -> UInt16 {
    client.start("/usr/bin/python3", ["-c", Self.listener, family], channel: channel)
    client.harness.run { client.stdout(channel).hasSuffix("\n") }
    return UInt16(client.stdout(channel).dropLast())!
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

  @Test func itLooksByItselfOnlyForSessions() throws {
    let harness = try SidecarHarness {
      $0.busyPortPollMs = 10
      $0.idlePortPollMs = 20
      $0.portBusyMs = 50
    }
    let ports = harness.sidecar.ports
    #expect(ports.intervalMs == nil)
    let client = harness.connect()
    #expect(ports.intervalMs == 10)
    harness.run { ports.intervalMs == 20 }
    client.send(EnvelopeHead(.ping, id: 1).message([]))
    #expect(ports.intervalMs == 10)
    harness.run { ports.intervalMs == 20 }
    client.shell("echo")
    #expect(ports.intervalMs == 10)
    client.waitForExit()
    client.session.close()
    #expect(ports.intervalMs == nil)
    harness.finish()
  }

  @Test(arguments: ["4", "6"])
  func whoAsksHearsWhatIsOpenNow(_ family: String) throws {
    let site = try FileSite { $0.busyPortPollMs = testDeadlineMs }
    let client = site.harness.connect()
    let port = listen(client, family: family)
    let answer = try site.ask("GET", "/ports")
    #expect(answer.status == 200 && answer["Content-Type"] == "application/json")
    #expect(answer.text.split { "[],".contains($0) }.contains(Substring(String(port))))
    client.send(ExecStdinClose(), channel: 7)
    client.waitForExit()
    #expect(try !site.ask("GET", "/ports").text.contains(String(port)))
    site.finish()
  }

  @Test func aClientThatDoesNotReadHearsLaterWhatIsStillTrue() throws {
    let harness = try SidecarHarness()
    let client = harness.connect()
    let slow = harness.connect()
    slow.wire.isCongested = true
    let gone = listen(client, family: "4")
    harness.run { client.opened(gone) == 1 }
    client.send(ExecStdinClose(), channel: 7)
    harness.run { client.closed(gone) == 1 }
    let port = listen(client, family: "4", channel: 8)
    harness.run { client.opened(port) == 1 }
    #expect(slow.opened(gone) == 0 && slow.opened(port) == 0)
    slow.wire.isCongested = false
    slow.session.transportDidDrain()
    #expect(slow.opened(port) == 1 && slow.opened(gone) == 0 && slow.closed(gone) == 0)
    harness.finish()
  }

  @Test func ofTooManyPortsTheLowestAreShown() throws {
    let harness = try SidecarHarness()
    let client = harness.connect()
    let script = """
      import resource, socket, sys
      resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
      kept = [socket.create_server(('127.0.0.1', 0)) for _ in range(1500)]
      print('open', flush=True); sys.stdin.read()
      """
    client.start("/usr/bin/python3", ["-c", script])
    harness.run { client.stdout() == "open\n" }
    var found: [UInt16]?
    harness.sidecar.ports.look { found = $0 }
    let ports = try #require(found)
    #expect(ports.count == WireLimits.maxOpenPorts && ports == ports.sorted())
    #expect(ProcNetTCP.listeningPorts().filter { $0 < ports.last! }.allSatisfy(ports.contains))
    client.send(ExecStdinClose(), channel: 7)
    client.waitForExit()
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
    #expect(try SocketDiagnostics().listeningPorts().contains(port))
    harness.finish()
  }
}

extension Client {
  fileprivate func opened(_ port: UInt16) -> Int { all(PortOpen.self).count { $0.port == port } }
  fileprivate func closed(_ port: UInt16) -> Int { all(PortClose.self).count { $0.port == port } }
}
