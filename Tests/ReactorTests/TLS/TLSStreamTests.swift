import Glibc
import TestSupport
import Testing

@testable import Reactor
@testable import ReactorTLS

/// TLS over real sockets, both ends ours.
@Suite struct TLSStreamTests {
  @Test(arguments: [TLSVersion.tls12, .tls13])
  func connectsAndCarriesBytesBothWays(version: TLSVersion) async throws {
    try await withTLSPort { loop, port in
      let context = try TLSFixture.shared.client(only: version)
      let (client, server) = try port.connect(context)
      #expect((client.stream as? TLSStream)?.engine.version == version)
      client.send("ping")
      loop.run(until: { server.text == "ping" })
      server.send("pong")
      loop.run(until: { client.text == "pong" })
    }
  }

  @Test func tellsThePeersAddressAndThatItIsEncrypted() async throws {
    try await withTLSPort { loop, port in
      let (client, server) = try port.connect()
      #expect(server.stream.peerAddress?.host == "127.0.0.1")
      #expect(server.stream.isEncrypted)
      #expect(client.stream.peerAddress == port.listener.address)
      let (plain, other) = try SocketStream.pair(loop: loop)
      #expect(!plain.isEncrypted)
      #expect(plain.peerAddress == nil)
      close(StreamProbe(plain), StreamProbe(other), on: loop)
    }
  }

  @Test func whatIsWrittenBeforeTheHandshakeWaits() async throws {
    try await withTLSPort { loop, port in
      let client = try port.dial()
      client.send("one ")
      client.send("two")
      #expect(client.stream.pendingByteCount >= 7)
      client.stream.endWriting()
      client.send("three")
      loop.run(until: { port.accepted.first?.hasEnded == true })
      #expect(port.accepted[0].text == "one two")
      port.accepted[0].send("answer")
      loop.run(until: { client.text == "answer" })
      #expect(client.stream.pendingByteCount == 0)
    }
  }

  @Test func congestionBeforeTheHandshakeEndsInADrain() async throws {
    try await withTLSPort { loop, port in
      let client = try port.dial()
      client.send([UInt8](repeating: 1, count: StreamLimits.highWaterBytes + 1))
      #expect(client.stream.isCongested)
      loop.run(until: { client.drainCount == 1 })
      #expect(!client.stream.isCongested)
      loop.run(until: { port.accepted[0].bytes.count == StreamLimits.highWaterBytes + 1 })
    }
  }

  @Test(arguments: [TLSVersion.tls12, .tls13])
  func eightMebibytesPassBothWaysAtOnce(version: TLSVersion) async throws {
    try await withTLSPort { loop, port in
      let context = try TLSFixture.shared.client(only: version)
      let (client, server) = try port.connect(context)
      let (up, down) = (SplitMix64.bytes(seed: 1, 8 << 20), SplitMix64.bytes(seed: 2, 8 << 20))
      let feeds = [Feed(client, up), Feed(server, down)]
      for feed in feeds { feed.go() }
      loop.run(until: { server.bytes.count >= up.count && client.bytes.count >= down.count })
      #expect(server.bytes == up)
      #expect(client.bytes == down)
      #expect(feeds.allSatisfy { $0.mostPending <= StreamLimits.highWaterBytes + 70_000 })
      #expect(server.readCounts.max()! <= TLSLimits.plaintextBytes)
    }
  }

  @Test func aReaderThatPausesStopsTheWriter() async throws {
    try await withTLSPort(reads: false) { loop, port in
      let (client, server) = try port.connect()
      let bytes = SplitMix64.bytes(seed: 3, 16 << 20)
      let feed = Feed(client, bytes)
      feed.go()
      loop.turns(200)
      #expect(client.stream.isCongested)
      #expect(server.bytes.isEmpty)
      #expect(try #require(server.stream as? TLSStream).engine.keptByteCount <= 64 * 1024)
      server.stream.resumeReading()
      loop.run(until: { server.bytes.count == bytes.count })
      #expect(server.bytes == bytes)
      #expect(client.drainCount > 0)
      #expect(client.stream.pendingByteCount == 0)
    }
  }

  @Test func pausingAtEveryReadLosesNothing() async throws {
    try await withTLSPort { loop, port in
      let (client, server) = try port.connect()
      server.onReceive = { [unowned server] in
        server.stream.pauseReading()
        loop.after(ms: 0) { server.stream.resumeReading() }
      }
      let bytes = SplitMix64.bytes(seed: 4, 1 << 20)
      client.send(bytes)
      client.stream.endWriting()
      loop.run(until: { server.hasEnded })
      #expect(server.bytes == bytes)
    }
  }

  @Test func resumingNeverCallsTheReaderFromWithin() async throws {
    try await withTLSPort { loop, port in
      let (client, server) = try port.connect()
      server.onReceive = { [unowned server] in server.stream.pauseReading() }
      client.send([UInt8](repeating: 1, count: 40_000))
      client.stream.endWriting()
      while !server.hasEnded {
        let count = server.readCounts.count
        server.stream.resumeReading()
        #expect(server.readCounts.count == count)
        loop.run(until: { server.readCounts.count > count || server.hasEnded })
      }
      #expect(server.bytes.count == 40_000)
    }
  }

  @Test func aPeerThatMakesUsAnswerAndDoesNotReadIsNotRead() async throws {
    try await withLoop { loop in
      let fixture = TLSFixture.shared
      let (near, far) = try SocketStream.pair(loop: loop)
      let server = StreamProbe(TLSStream(over: near, try fixture.server()))
      let client = StreamProbe(TLSStream(over: far, try fixture.client(), serverName: "localhost"))
      loop.run(until: { client.isConnected && server.isConnected })
      client.stream.pauseReading()
      let engine = try #require(client.stream as? TLSStream).engine
      for _ in 0..<1_000 where !client.stream.isCongested {
        for _ in 0..<100 {
          engine.rekey(both: true)
          client.send([1])
        }
        loop.turn()
      }
      #expect(client.stream.isCongested)
      #expect(server.stream.pendingByteCount <= StreamLimits.highWaterBytes + 64 * 1024)
      close(client, server, on: loop)
    }
  }
}

/// Sends bytes for as long as the stream is not congested, in pieces of odd sizes.
final class Feed {
  private let probe: StreamProbe
  private let bytes: [UInt8]
  private var offset = 0
  private(set) var mostPending = 0

  init(_ probe: StreamProbe, _ bytes: [UInt8]) {
    self.probe = probe
    self.bytes = bytes
    probe.onDrain = { [unowned self] in go() }
  }

  func go() {
    while offset < bytes.count && !probe.stream.isCongested {
      let end = min(bytes.count, offset + 1 + offset % 70_000)
      bytes[offset..<end].withUnsafeBytes { probe.stream.write($0) }
      mostPending = max(mostPending, probe.stream.pendingByteCount)
      offset = end
    }
  }
}
