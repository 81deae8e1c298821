import Glibc
import Reactor
import ReactorTLS
import TestSupport
import Testing

/// How TLS connections end, in order and otherwise.
@Suite struct TLSStreamEndTests {
  @Test(arguments: [TLSVersion.tls12, .tls13])
  func anEndedDirectionLeavesTheOtherOpen(version: TLSVersion) async throws {
    try await withTLSPort { loop, port in
      let context = try TLSFixture.shared.client(only: version)
      let (client, server) = try port.connect(context)
      client.send("question")
      client.stream.endWriting()
      loop.run(until: { server.hasEnded })
      #expect(server.text == "question")
      server.send("answer")
      server.stream.endWriting()
      loop.run(until: { client.hasEnded })
      #expect(client.text == "answer")
      #expect(!client.isClosed && !server.isClosed)
    }
  }

  @Test func closeTellsThePeerByACloseNotify() async throws {
    try await withTLSPort { loop, port in
      let (client, server) = try port.connect()
      server.stream.close()
      loop.run(until: { client.hasEnded && server.isClosed })
      #expect(client.error == nil)
      #expect(server.error == nil)
      #expect(server.stream.isClosing)
      server.send("ignored")
    }
  }

  @Test func aCutConnectionIsTruncation() async throws {
    try await withTLSPort { loop, port in
      var lower: SocketStream?
      let context = try TLSFixture.shared.client()
      let socket = try SocketStream.connect(loop: loop, to: port.listener.address)
      lower = socket
      let client = StreamProbe(TLSStream(over: socket, context, serverName: "localhost"))
      loop.run(until: { client.isConnected && port.accepted.first?.isConnected == true })
      client.send("half a sen")
      lower?.endWriting()
      let server = port.accepted[0]
      loop.run(until: { server.isClosed })
      #expect(server.text == "half a sen")
      #expect(server.error == .tls(.truncated))
      #expect(!server.hasEnded)
      close(client, on: loop)
    }
  }

  @Test func aResetIsReported() async throws {
    try await withTLSPort { loop, port in
      let socket = try SocketStream.connect(loop: loop, to: port.listener.address)
      let context = try TLSFixture.shared.client()
      let client = StreamProbe(TLSStream(over: socket, context, serverName: "localhost"))
      loop.run(until: { client.isConnected && port.accepted.first?.isConnected == true })
      resetOnClose(socket)
      socket.close()
      let server = port.accepted[0]
      loop.run(until: { server.isClosed && client.isClosed })
      #expect(server.error == .read(.connectionReset))
    }
  }

  @Test func aHandshakeThatDoesNotEndIsGivenUp() async throws {
    try await withTLSPort(handshakeMs: 20) { loop, port in
      let silent = try port.dialPlain()
      loop.run(until: { silent.hasEnded })
      #expect(silent.bytes.isEmpty)
      #expect(port.accepted[0].error == .timedOut("TLS handshake"))
    }
  }

  @Test func drippingDoesNotPutTheHandshakesEndOff() async throws {
    try await withTLSPort(handshakeMs: 50) { loop, port in
      let slow = try port.dialPlain()
      let hello = try clientHello()
      var sent = 0
      let drip = loop.every(ms: 2) {
        if sent < 200 { slow.send([hello[sent]]) }
        sent += 1
      }
      loop.run(until: { slow.hasEnded || slow.isClosed })
      drip.cancel()
      #expect(port.accepted[0].error == .timedOut("TLS handshake"))
    }
  }

  @Test func anOpenConnectionHasNoTimer() async throws {
    try await withTLSPort { loop, port in
      _ = try port.connect()
      loop.turns(3)
      #expect(loop.openHandles == 3)  // the listener and two sockets
    }
  }

  @Test func garbageIsAnsweredByAnAlertAndACleanEnd() async throws {
    try await withTLSPort { loop, port in
      let client = try port.dialPlain()
      client.send([0x16, 3, 1, 0, 4] + [UInt8](repeating: 0xFF, count: 200_000))
      loop.run(until: { client.hasEnded })
      #expect(client.bytes.first == 0x15)  // an alert, not a reset
      client.stream.close()
      let server = port.accepted[0]
      loop.run(until: { server.isClosed })
      guard case .tls(.handshake) = server.error else {
        Issue.record("\(server.error!)")
        return
      }
    }
  }

  @Test func aPeerThatStaysAfterTheAlertIsClosed() async throws {
    try await withTLSPort { loop, port in
      let client = try port.dialPlain()
      client.send("no TLS at all")
      loop.run(until: { port.accepted.first?.isClosed == true })
      #expect(client.hasEnded)
    }
  }

  @Test func connectionsCutAtEveryByteOfTheirHelloAreFreed() async throws {
    try await withTLSPort { loop, port in
      let hello = try clientHello()
      for count in 0..<hello.count {
        let socket = try SocketStream.connect(loop: loop, to: port.listener.address)
        let client = StreamProbe(socket)
        client.send(Array(hello[..<count]))
        loop.run(until: { port.accepted.count == count + 1 && client.isConnected })
        if count % 2 == 0 { resetOnClose(socket) }
        close(client, on: loop)
      }
      loop.run(until: { port.accepted.allSatisfy { $0.isClosed } })
      for server in port.accepted {
        #expect(server.error != nil)
        #expect(!server.isConnected)
      }
    }
  }

  @Test func aClosedPortIsReportedByTheStreamAbove() async throws {
    try await withLoop { loop in
      let deaf = DeafPort()
      let socket = try SocketStream.connect(loop: loop, to: deaf.address)
      let client = StreamProbe(
        TLSStream(over: socket, try TLSFixture.shared.client(), serverName: "localhost"))
      loop.run(until: { client.isClosed })
      #expect(client.error == .connect(UVError(-ECONNREFUSED)))
      deaf.close()
    }
  }

  @Test func closingInACallbackReadsNoMore() async throws {
    try await withTLSPort { loop, port in
      let (client, server) = try port.connect()
      server.onReceive = { [unowned server] in server.stream.close() }
      client.send([UInt8](repeating: 1, count: 60_000))
      loop.run(until: { server.isClosed })
      #expect(server.readCounts.count == 1)
    }
  }

  private func clientHello() throws -> [UInt8] {
    let engine = TLSEngine(try TLSFixture.shared.client(), serverName: "localhost")
    _ = try engine.handshake()
    var hello: [UInt8] = []
    engine.takeOutput { hello = [UInt8]($0) }
    return hello
  }
}

/// Makes the next close a reset.
func resetOnClose(_ stream: SocketStream) {
  var linger = Glibc.linger(l_onoff: 1, l_linger: 0)
  setsockopt(
    stream.descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Glibc.linger>.size))
}
