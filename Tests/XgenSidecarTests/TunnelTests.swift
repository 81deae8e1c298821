import Glibc
import TestSupport
import Testing

@testable import Reactor
@testable import XgenSidecar

/// `/tunnel`: raw bytes between the server and a port inside.
@Suite struct TunnelTests {
  private static let fields = ["Connection: Upgrade", "Upgrade: xgen-tunnel"]

  /// A sidecar and a server inside, which the test plays.
  private final class Site {
    let site: FileSite
    private(set) var accepted: [StreamProbe] = []
    private var listener: SocketListener?

    init(_ change: (inout SidecarLimits) -> Void = { _ in }) throws {
      site = try FileSite(change)
    }

    var harness: SidecarHarness { site.harness }
    var tunnels: Int { harness.sidecar.tunnels.count }

    /// Begins to listen; the port.
    func listen(_ address: String = "127.0.0.1", reads: Bool = true) throws -> UInt16 {
      let address = try #require(SocketAddress(parsing: "\(address):0"))
      listener = try .listen(loop: harness.loop, at: address) { [unowned self] in
        accepted.append(StreamProbe($0, reads: reads))
      }
      return try #require(listener?.address.port)
    }

    /// A client that has asked for a tunnel.
    func ask(_ port: UInt16, and text: String = "") throws -> StreamProbe {
      let client = try site.connect()
      client.send(FileSite.head("GET", "/tunnel?port=\(port)", TunnelTests.fields) + text)
      return client
    }

    /// A tunnel and its far end.
    func open(_ port: UInt16, and text: String = "") throws -> (StreamProbe, StreamProbe) {
      let client = try ask(port, and: text)
      let before = accepted.count
      harness.run { client.text.contains("\r\n\r\n") && accepted.count > before }
      let head = String(decoding: client.take(), as: UTF8.self)
      #expect(head.hasPrefix("HTTP/1.1 101 ") && head.contains("Upgrade: xgen-tunnel\r\n"))
      return (client, try #require(accepted.last))
    }

    func status(_ target: String, _ fields: [String] = TunnelTests.fields) throws -> Int {
      let client = try site.connect()
      client.send(FileSite.head("GET", target, fields))
      harness.run { client.text.contains("\r\n\r\n") }
      return Int(client.text.split(separator: " ")[1]) ?? 0
    }

    func finish() {
      listener?.close()
      for stream in accepted { stream.stream.close() }
      site.finish()
    }
  }

  @Test(arguments: ["127.0.0.1", "[::1]", "0.0.0.0", ""])
  func bytesGoBothWays(_ address: String) throws {
    let site = try Site()
    let port = try site.listen(address)
    let (client, server) = try site.open(port, and: "sent at once, ")
    client.send("and later")
    site.harness.run { server.text == "sent at once, and later" }
    server.send([0, 255, 13, 10])
    site.harness.run { client.bytes == [0, 255, 13, 10] }
    #expect(site.tunnels == 1)
    client.stream.close()
    site.harness.run { server.hasEnded }
    server.stream.close()
    site.harness.run { site.tunnels == 0 }
    site.finish()
  }

  @Test func onePeerMayEndAndStillBeAnswered() throws {
    let site = try Site()
    let (client, server) = try site.open(try site.listen(), and: "a question")
    client.stream.endWriting()
    site.harness.run { server.hasEnded }
    #expect(server.text == "a question" && !client.hasEnded && site.tunnels == 1)
    server.send("an answer")
    server.stream.endWriting()
    site.harness.run { client.hasEnded && site.tunnels == 0 }
    #expect(client.text == "an answer" && client.error == nil)
    site.finish()
  }

  @Test func whatALostPeerSaidArrives() throws {
    let site = try Site()
    let (client, server) = try site.open(try site.listen(reads: false), and: "never read")
    server.send("last words")
    site.harness.run { server.stream.hasUnreadInput && server.stream.pendingByteCount == 0 }
    server.stream.close()  // with unread input, that is a reset
    site.harness.run { client.hasEnded }
    #expect(client.text == "last words" && site.tunnels == 1, "the client has time to close")
    client.stream.close()
    site.harness.run { site.tunnels == 0 }
    site.finish()
  }

  @Test func aPeerThatDoesNotCloseIsNotWaitedForLong() throws {
    let site = try Site { $0.tunnelLingerMs = 20 }
    let (client, server) = try site.open(try site.listen(reads: false), and: "never read")
    site.harness.run { server.stream.hasUnreadInput }
    server.stream.close()
    site.harness.run { client.isClosed || site.tunnels == 0 }
    #expect(client.hasEnded)
    site.finish()
  }

  @Test func aHalfOpenTunnelEndsWhenItIsSilent() throws {
    let site = try Site { $0.tunnelHalfOpenMs = 20 }
    let (client, server) = try site.open(try site.listen())
    client.stream.endWriting()
    site.harness.run { server.isClosed || server.hasEnded }
    site.harness.run { client.hasEnded && site.tunnels == 0 }
    site.finish()
  }

  @Test func onePeerThatReadsNothingHoldsTheOther() throws {
    let site = try Site()
    let (client, server) = try site.open(try site.listen(reads: false))
    let content = (0..<16 << 20).map { UInt8(truncatingIfNeeded: $0 &* 167 >> 5) }
    client.send(content)
    var before = -1
    site.harness.run {  // until nothing moves any more
      defer { before = client.stream.pendingByteCount }
      site.harness.loop.turns(20)
      return client.stream.pendingByteCount == before
    }
    #expect(client.stream.pendingByteCount > 4 << 20, "the tunnel does not take it all")
    let held = site.harness.sidecar.tunnels.pendingByteCount
    #expect(held <= StreamLimits.highWaterBytes + StreamLimits.readBytes, "\(held)")
    server.stream.resumeReading()
    site.harness.run { server.bytes.count == content.count }
    #expect(server.bytes == content)
    site.finish()
  }

  // MARK: Refusals

  @Test func whereNothingListensItSaysSo() throws {
    let site = try Site()
    let port = try site.listen()
    site.finish()
    let other = try Site()
    #expect(try other.status("/tunnel?port=\(port)") == 502)
    #expect(other.tunnels == 0)
    other.finish()
  }

  @Test func theSidecarsOwnPortIsNobody() throws {
    let harness = try SidecarHarness(ownPort: 4711)
    let server = SidecarServer(harness.sidecar)
    let address = try server.listen(SidecarConfiguration(listen: .address(.loopback(port: 0))))
    let client = StreamProbe(try SocketStream.connect(loop: harness.loop, to: address))
    client.send(FileSite.head("GET", "/tunnel?port=4711", Self.fields))
    harness.run { client.text.contains("\r\n\r\n") }
    #expect(client.text.hasPrefix("HTTP/1.1 502 "))
    client.stream.close()
    server.close()
    harness.finish()
  }

  @Test(arguments: [
    "", "?port", "?port=", "?port=0", "?port=65536", "?port=-1", "?port=+80", "?port=80x",
    "?port=80&port=81", "?port=80&host=10.0.0.1", "?host=10.0.0.1", "?port=127.0.0.1:80",
    "?port=%00",
  ])
  func whatIsNoPortIsRefused(_ query: String) throws {
    let site = try Site()
    #expect(try site.status("/tunnel" + query) == 400)
    site.finish()
  }

  @Test func onlyAnUpgradeLeadsIn() throws {
    let site = try Site()
    let port = try site.listen()
    for fields in [
      [], ["Upgrade: xgen-tunnel"], ["Connection: Upgrade", "Upgrade: websocket"],
      ["Connection: Upgrade", "Upgrade: xgen-tunnel, websocket"],
    ] {
      #expect(try site.status("/tunnel?port=\(port)", fields) == 426, "\(fields)")
    }
    let body = Self.fields + ["Content-Length: 1"]
    #expect(try site.status("/tunnel?port=\(port)", body) == 400)
    #expect(site.accepted.isEmpty)
    site.finish()
  }

  @Test func whatDoesNotAcceptIsGivenUp() throws {
    let site = try Site { $0.tunnelConnectMs = 50 }
    let full = try FullBacklog()
    #expect(try site.status("/tunnel?port=\(full.port)") == 504)
    #expect(site.tunnels == 0)
    site.finish()
  }

  @Test func aClientThatGoesWhileItConnectsLeavesNothing() throws {
    let site = try Site { $0.tunnelConnectMs = testDeadlineMs }
    let full = try FullBacklog()
    let client = try site.ask(full.port)
    site.harness.run { site.tunnels == 1 }
    client.stream.close()
    site.harness.run { site.tunnels == 0 }
    site.finish()
  }

  // MARK: Bounds

  @Test func moreThanTheLimitAreRefused() throws {
    let site = try Site { $0.tunnelsAtOnce = 2 }
    let port = try site.listen()
    let (first, _) = try site.open(port)
    _ = try site.open(port)
    #expect(try site.status("/tunnel?port=\(port)") == 503)
    first.stream.close()
    site.accepted[0].stream.close()
    site.harness.run { site.tunnels == 1 }
    _ = try site.open(port)
    site.finish()
  }

  @Test func theOneThatIsSilentLongestMakesRoom() throws {
    let site = try Site {
      $0.tunnelsAtOnce = 2
      $0.tunnelQuietMs = 0
    }
    let port = try site.listen()
    let (silent, _) = try site.open(port)
    let (lively, server) = try site.open(port)
    let start = site.harness.loop.nowMs
    site.harness.run { site.harness.loop.nowMs > start }
    lively.send("still here")
    site.harness.run { server.text == "still here" }
    _ = try site.open(port)
    site.harness.run { silent.hasEnded || silent.isClosed }
    #expect(!lively.hasEnded && site.tunnels == 2)
    site.finish()
  }

  @Test func aConnectionToItselfIsNone() throws {
    let harness = try SidecarHarness()
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    #expect(bound(descriptor, &address) == 0)
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let status = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        getsockname(descriptor, $0, &length) == 0 ? Glibc.connect(descriptor, $0, length) : -1
      }
    }
    #expect(status == 0, "a simultaneous open of one socket")
    let stream = try SocketStream(loop: harness.loop, descriptor: descriptor)
    #expect(stream.isConnectedToItself)
    stream.close()
    harness.finish()
  }
}

private func bound(_ descriptor: Int32, _ address: inout sockaddr_in) -> Int32 {
  withUnsafePointer(to: &address) {
    $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
      bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
    }
  }
}

/// A port that listens and takes no connection more: the kernel drops what comes.
private final class FullBacklog {
  let port: UInt16
  private var descriptors: [Int32] = []

  init() throws {
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    descriptors.append(listener)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    try #require(bound(listener, &address) == 0 && listen(listener, 0) == 0)
    port = try #require(SocketAddress.local(of: listener)?.port)
    address.sin_port = port.bigEndian
    for _ in 0..<2 {
      let kind = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue)
      let client = socket(AF_INET, kind, 0)
      descriptors.append(client)
      _ = withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          connect(client, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
      }
    }
  }

  deinit { for descriptor in descriptors { close(descriptor) } }
}
