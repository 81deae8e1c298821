import Glibc
import Reactor
import TestSupport
import Testing

@Suite struct ConnectTests {
  @Test func connectsOverTCPAndTellsTheAddresses() async throws {
    try await withTCP { loop, client, server in
      #expect(client.isConnected)
      #expect(!server.isConnected)
      let peer = try #require((server.stream as? SocketStream)?.peerAddress)
      #expect(peer.host == "127.0.0.1")
      client.send("ping")
      loop.run(until: { server.text == "ping" })
      server.send("pong")
      loop.run(until: { client.text == "pong" })
    }
  }

  @Test func connectsOverAUnixSocket() async throws {
    try await withLoop { loop in
      try withTemporaryDirectory { directory in
        let address = SocketAddress.unix(path: directory + "/s")
        var server: StreamProbe?
        let listener = try SocketListener.listen(loop: loop, at: address) {
          server = StreamProbe($0)
        }
        #expect(listener.address == address)
        let client = StreamProbe(try SocketStream.connect(loop: loop, to: address))
        client.send("hello")
        loop.run(until: { server?.text == "hello" })
        #expect(client.isConnected)
        let accepted = try #require(server)
        #expect((accepted.stream as? SocketStream)?.peerAddress == nil)
        listener.close()
        close(client, accepted, on: loop)
      }
    }
  }

  @Test func connectsOverIPv6WhereThereIsOne() async throws {
    try await withLoop { loop in
      let any = try #require(SocketAddress(parsing: "[::1]:0"))
      var server: StreamProbe?
      guard
        let listener = try? SocketListener.listen(
          loop: loop, at: any, { server = StreamProbe($0) })
      else { return }
      let client = StreamProbe(try SocketStream.connect(loop: loop, to: listener.address))
      loop.run(until: { server != nil && client.isConnected })
      #expect((client.stream as? SocketStream)?.peerAddress == listener.address)
      listener.close()
      close(client, try #require(server), on: loop)
    }
  }

  @Test func whatIsWrittenBeforeTheConnectionWaits() async throws {
    try await withLoop { loop in
      var server: StreamProbe?
      let listener = try SocketListener.listen(loop: loop, at: .loopback(port: 0)) {
        server = StreamProbe($0)
      }
      let client = StreamProbe(try SocketStream.connect(loop: loop, to: listener.address))
      client.send("one ")
      client.send("two")
      #expect(client.stream.pendingByteCount == 7)
      loop.run(until: { server?.text == "one two" })
      listener.close()
      close(client, try #require(server), on: loop)
    }
  }

  @Test(arguments: ["", "last words"])
  func anEndBeforeTheConnectionComesAfterIt(words: String) async throws {
    try await withLoop { loop in
      var server: StreamProbe?
      let listener = try SocketListener.listen(loop: loop, at: .loopback(port: 0)) {
        server = StreamProbe($0)
      }
      let client = StreamProbe(try SocketStream.connect(loop: loop, to: listener.address))
      client.send(words)
      client.stream.endWriting()
      loop.run(until: { server?.hasEnded == true })
      #expect(server?.text == words)
      listener.close()
      close(client, try #require(server), on: loop)
    }
  }

  @Test func aRefusedConnectionIsReported() async throws {
    try await withLoop { loop in
      let deaf = DeafPort()
      let client = StreamProbe(try SocketStream.connect(loop: loop, to: deaf.address))
      client.send("nobody listens")
      loop.run(until: { client.isClosed })
      #expect(client.error == .connect(UVError(-ECONNREFUSED)))
      #expect(!client.isConnected)
      deaf.close()
    }
  }

  @Test(arguments: [false, true])
  func anEagerOneOnThisHostIsConnectedOnReturn(isUnix: Bool) async throws {
    try await withLoop { loop in
      try withTemporaryDirectory { directory in
        var server: StreamProbe?
        let place = isUnix ? SocketAddress.unix(path: directory + "/s") : .loopback(port: 0)
        let listener = try SocketListener.listen(loop: loop, at: place) {
          server = StreamProbe($0)
        }
        let client = StreamProbe(
          try SocketStream.connect(loop: loop, to: listener.address, eagerly: true))
        #expect(!client.stream.isConnecting)
        client.send("at once")
        #expect(client.stream.pendingByteCount == 0)
        loop.run(until: { server?.text == "at once" })
        #expect(!client.isConnected)  // it was not told
        server?.send("and back")
        loop.run(until: { client.text == "and back" })
        listener.close()
        close(client, try #require(server), on: loop)
      }
    }
  }

  @Test func anEagerOneThatIsRefusedIsReported() async throws {
    try await withLoop { loop in
      let deaf = DeafPort()
      let client = StreamProbe(
        try SocketStream.connect(loop: loop, to: deaf.address, eagerly: true))
      #expect(client.stream.isConnecting)
      loop.run(until: { client.isClosed })
      #expect(client.error == .connect(UVError(-ECONNREFUSED)))
      deaf.close()
    }
  }

  @Test func aMissingUnixSocketIsReportedAtOnce() async throws {
    try await withLoop { loop in
      #expect(throws: UVError.notFound) {
        try SocketStream.connect(loop: loop, to: .unix(path: "/nonexistent/socket"))
      }
    }
  }

  @Test func aStreamCanBeClosedBeforeItHasConnected() async throws {
    try await withLoop { loop in
      let listener = try SocketListener.listen(loop: loop, at: .loopback(port: 0)) { $0.close() }
      let client = StreamProbe(try SocketStream.connect(loop: loop, to: listener.address))
      client.send("dropped")
      client.stream.close()
      loop.run(until: { client.isClosed })
      #expect(!client.isConnected)
      listener.close()
      loop.turns(5)
    }
  }
}

/// A port that is bound, so that nobody else gets it, and at which nobody listens.
struct DeafPort {
  let address: SocketAddress
  private let descriptor: Int32

  init() {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    var name = sockaddr_in()
    name.sin_family = sa_family_t(AF_INET)
    name.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let status = withUnsafeMutablePointer(to: &name) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, length) | getsockname(descriptor, $0, &length)
      }
    }
    precondition(status == 0, "bind: \(errno)")
    self.descriptor = descriptor
    address = .loopback(port: UInt16(bigEndian: name.sin_port))
  }

  func close() { Glibc.close(descriptor) }
}

/// Lends the two ends of a TCP connection and closes them.
func withTCP(
  sourceLocation: SourceLocation = #_sourceLocation,
  _ body: @Sendable (Loop, _ client: StreamProbe, _ server: StreamProbe) throws -> Void
) async throws {
  try await withLoop(sourceLocation: sourceLocation) { loop in
    var accepted: StreamProbe?
    let listener = try SocketListener.listen(loop: loop, at: .loopback(port: 0)) {
      accepted = StreamProbe($0)
    }
    let client = StreamProbe(try SocketStream.connect(loop: loop, to: listener.address))
    loop.run(until: { accepted != nil && client.isConnected })
    listener.close()
    let server = try #require(accepted)
    try body(loop, client, server)
    close(client, server, on: loop)
  }
}
