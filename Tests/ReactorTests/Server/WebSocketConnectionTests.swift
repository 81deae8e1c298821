import Reactor
import TestSupport
import Testing

@Suite struct WebSocketConnectionTests {
  @Test func echoesBetweenAClientAndAServer() async throws {
    try await withLoop { loop in
      let site = try EchoSite(loop: loop)
      let probe = WebSocketProbe()
      let socket = try site.open(probe)
      let sizes = [0, 1, 125, 126, 16 * 1024, 65_535, 65_536, 1 << 20]
      let binaries = sizes.map { SplitMix64.bytes(seed: UInt64($0), $0) }
      let texts = sizes.map { String(repeating: "ü€", count: $0 / 5) }
      for (binary, text) in zip(binaries, texts) {
        socket.send(binary)
        socket.send(text)
      }
      loop.run(until: { probe.messages.count == 2 * sizes.count })
      let expected = zip(binaries, texts).flatMap {
        [WebSocketProbe.Message.binary($0), .text($1)]
      }
      #expect(probe.messages == expected)
      socket.close(.normal)
      loop.run(until: { probe.isClosed && site.sockets.allSatisfy { $0.isClosed } })
      #expect(probe.code == .normal)
      #expect(site.sockets.first?.code == .normal)
      #expect(site.site.server.connectionCount == 0)
      site.close()
    }
  }

  @Test(arguments: [WebSocketRole.server, .client])
  func readsWholeMessagesHoweverTheyAreCut(role: WebSocketRole) async throws {
    try await withLoop { loop in
      let end = try RawWebSocket(loop: loop, role: role)
      let stream =
        end.frame(.text, utf8("hello")) + end.frame(.binary, [1, 2], isFinal: false)
        + end.frame(.ping, [9]) + end.frame(.continuation, [], isFinal: false)
        + end.frame(.continuation, [3]) + end.frame(.text, [])
        + end.frame(.binary, [UInt8](repeating: 4, count: 300))
      let expected: [WebSocketProbe.Message] = [
        .text("hello"), .binary([1, 2, 3]), .text(""), .binary([UInt8](repeating: 4, count: 300)),
      ]
      end.peer.send(stream)
      loop.run(until: { end.probe.messages.count == 4 })
      end.peer.drip(stream)
      loop.run(until: { end.probe.messages.count == 8 })
      #expect(end.probe.messages == expected + expected)
      end.waitForItems(2)
      #expect(end.received == [.pong([9]), .pong([9])])
      end.end()
    }
  }

  @Test func startsWithTheFramesThatCameBehindTheHandshake() async throws {
    try await withLoop { loop in
      let ready = rawFrame(1, utf8("ready"))
      let cut = rawFrame(1, utf8("second"))
      let end = try RawWebSocket(loop: loop, role: .client, leftover: ready + cut.prefix(3))
      #expect(end.probe.messages == [.text("ready")])
      end.peer.send(Array(cut.dropFirst(3)))
      loop.run(until: { end.probe.messages.count == 2 })
      #expect(end.probe.messages.last == .text("second"))
      end.end()
    }
  }

  @Test(arguments: [WebSocketRole.server, .client])
  func answersPingsAndIgnoresPongs(role: WebSocketRole) async throws {
    try await withLoop { loop in
      let end = try RawWebSocket(loop: loop, role: role)
      let longest = [UInt8](repeating: 7, count: 125)
      end.peer.send(end.frame(.ping) + end.frame(.pong, [1]) + end.frame(.ping, longest))
      end.waitForItems(2)
      #expect(end.received == [.pong([]), .pong(longest)])
      end.socket.ping()
      longest.withUnsafeBytes { end.socket.ping($0) }
      end.waitForItems(4)
      #expect(Array(end.received.dropFirst(2)) == [.ping([]), .ping(longest)])
      #expect(end.probe.messages.isEmpty)
      end.end()
    }
  }

  @Test func joinsAMessageOfTwoParts() async throws {
    try await withLoop { loop in
      for role in [WebSocketRole.server, .client] {
        let end = try RawWebSocket(loop: loop, role: role)
        let parts = [[], [1], [UInt8](repeating: 2, count: 20_000)] as [[UInt8]]
        var expected: [WebSocketTranscript.Item] = []
        for first in parts {
          for second in parts {
            first.withUnsafeBytes { first in
              second.withUnsafeBytes { end.socket.send(.binary, first, $0) }
            }
            expected.append(.message(.binary, first + second))
          }
        }
        end.waitForItems(expected.count)
        #expect(end.received == expected)
        end.end()
      }
    }
  }

  @Test func whatIsSentDuringAReadGoesOutInOneWrite() async throws {
    try await withLoop { loop in
      let end = try RawWebSocket(loop: loop, role: .server)
      end.probe.onMessage = { end.socket.send($0, $1) }
      let burst = (0..<50).flatMap { end.frame(.binary, [UInt8($0)]) }
      end.peer.send(burst)
      end.waitForItems(50)
      #expect(end.peer.readCounts == [150])
      end.end()
    }
  }

  @Test func pausingHoldsTheNextReadBack() async throws {
    try await withLoop { loop in
      let end = try RawWebSocket(loop: loop, role: .server)
      end.socket.pauseReading()
      end.peer.send(end.frame(.text, utf8("waits")))
      loop.turns(10)
      #expect(end.probe.messages.isEmpty)
      end.socket.resumeReading()
      loop.run(until: { !end.probe.messages.isEmpty })
      end.end()
    }
  }

  @Test func aPeerThatDoesNotReadBoundsADisciplinedSender() async throws {
    try await withLoop { loop in
      let end = try RawWebSocket(loop: loop, role: .server)
      end.peer.stream.pauseReading()
      let message = [UInt8](repeating: 1, count: 8 * 1024)
      var sent = 0
      for _ in 0..<20 {
        while !end.socket.isCongested {
          end.socket.send(message)
          sent += 1
        }
        loop.turns(5)
      }
      let most = StreamLimits.highWaterBytes + message.count + WebSocketFrameHeader.maxByteCount
      #expect(end.socket.pendingByteCount <= most)
      #expect(end.probe.drainCount == 0)
      end.peer.stream.resumeReading()
      loop.run(until: { end.probe.drainCount == 1 })
      #expect(!end.socket.isCongested)
      end.waitForItems(sent)
      end.end()
    }
  }

  @Test func answersDuringOneReadAreNotGatheredWithoutBound() async throws {
    try await withLoop { loop in
      let end = try RawWebSocket(loop: loop, role: .server)
      end.peer.stream.pauseReading()
      let answer = [UInt8](repeating: 1, count: 10_000)
      var refused = 0
      end.probe.onMessage = { _, _ in
        if end.socket.isCongested { refused += 1 } else { end.socket.send(answer) }
      }
      end.peer.send((0..<2000).flatMap { _ in end.frame(.binary, [0]) })
      loop.turns(20)
      #expect(refused > 1000, "congestion shows within the read")
      #expect(end.socket.pendingByteCount < 2 * StreamLimits.highWaterBytes)
      end.end()
    }
  }

  @Test func pingsOfAPeerThatDoesNotReadAreNotAnsweredWithoutBound() async throws {
    try await withLoop { loop in
      let end = try RawWebSocket(loop: loop, role: .server)
      end.peer.stream.pauseReading()
      let pings = (0..<1000).flatMap { _ in end.frame(.ping, [UInt8](repeating: 1, count: 125)) }
      for _ in 0..<20 { end.peer.send(pings) }
      loop.run(until: { end.peer.stream.pendingByteCount == 0 })
      loop.turns(20)
      let most = StreamLimits.highWaterBytes + StreamLimits.readBytes
      #expect(end.socket.pendingByteCount <= most)
      end.end()
    }
  }
}
