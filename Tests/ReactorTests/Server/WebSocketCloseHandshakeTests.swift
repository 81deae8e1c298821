import Reactor
import TestSupport
import Testing

@Suite struct WebSocketCloseHandshakeTests {
  @Test(arguments: [WebSocketRole.server, .client])
  func answersThePeersCloseWithItsCode(role: WebSocketRole) async throws {
    try await withLoop { loop in
      let end = try RawWebSocket(loop: loop, role: role)
      end.peer.send(end.closeFrame(4001, "bye") + end.frame(.text, utf8("too late")))
      loop.run(until: { end.peer.hasEnded })
      #expect(end.received == [.close(4001, "")])
      #expect(end.probe.messages.isEmpty)
      end.socket.send("ignored")
      end.socket.close(.normal)
      end.peer.stream.close()
      loop.run(until: { end.probe.isClosed })
      #expect(end.probe.code == WebSocketCloseCode(4001))
      #expect(end.probe.error == nil)
      end.end()
    }
  }

  @Test(arguments: [WebSocketRole.server, .client])
  func answersACloseWithoutCode(role: WebSocketRole) async throws {
    try await withLoop { loop in
      let end = try RawWebSocket(loop: loop, role: role)
      end.peer.send(end.frame(.close))
      loop.run(until: { end.peer.hasEnded })
      #expect(end.received == [.close(nil, "")])
      if role == .client { end.peer.stream.endWriting() }
      loop.run(until: { end.probe.isClosed })
      #expect(end.probe.code == nil)
      end.end()
    }
  }

  @Test func aClientThatHasEndedItsDirectionStillGetsWhatIsOnItsWay() async throws {
    try await withLoop { loop in
      for isClosing in [true, false] {
        let end = try RawWebSocket(loop: loop, role: .server)
        let message = [UInt8](repeating: 1, count: 200 * 1024)
        end.peer.stream.pauseReading()
        for _ in 0..<4 { end.socket.send(message) }
        #expect(end.socket.pendingByteCount > 0)
        if isClosing { end.peer.send(end.closeFrame(1000)) }
        end.peer.stream.endWriting()
        loop.turns(10)
        end.peer.stream.resumeReading()
        loop.run(until: { end.peer.hasEnded })
        let close: [WebSocketTranscript.Item] = isClosing ? [.close(1000, "")] : []
        #expect(end.received == Array(repeating: .message(.binary, message), count: 4) + close)
        end.end()
      }
    }
  }

  @Test func theServerEndsTheConnectionAtOnce() async throws {
    try await withLoop { loop in
      for payload in [[], [0x03, 0xE8]] as [[UInt8]] {
        let end = try RawWebSocket(loop: loop, role: .server)
        let start = loop.nowMs
        end.peer.send(end.frame(.close, payload))
        loop.run(until: { end.probe.isClosed })
        #expect(loop.nowMs - start < 1500, "not by the timer")
        end.end()
      }
    }
  }

  @Test(arguments: [WebSocketRole.server, .client])
  func startsTheHandshakeAndWaitsForThePeersClose(role: WebSocketRole) async throws {
    try await withLoop { loop in
      let end = try RawWebSocket(loop: loop, role: role)
      end.socket.close(.goingAway, reason: "restart")
      end.socket.close(.normal)
      #expect(end.socket.isClosing)
      end.waitForItems(1)
      #expect(end.received == [.close(1001, "restart")])
      // What the peer had sent before it saw the Close still counts.
      end.peer.send(end.frame(.text, utf8("crossed")) + end.frame(.ping, [1]))
      loop.run(until: { end.probe.messages == [.text("crossed")] })
      end.peer.send(end.closeFrame(1001))
      if role == .client {
        loop.run(until: { end.peer.hasEnded })
        end.peer.stream.close()
      }
      loop.run(until: { end.probe.isClosed })
      #expect(end.probe.code == .goingAway)
      #expect(end.received == [.close(1001, "restart")], "no pong after the Close")
      end.end()
    }
  }

  @Test func givesUpOnAPeerThatNeverAnswersTheClose() async throws {
    try await withLoop { loop in
      let end = try RawWebSocket(loop: loop, role: .server)
      end.socket.close(.normal)
      loop.run(until: { end.probe.isClosed })
      #expect(end.probe.code == nil)
      #expect(end.peer.hasEnded || end.received == [.close(1000, "")])
      end.end()
    }
  }

  @Test func aConnectionThatEndsWithoutCloseHasNoCode() async throws {
    try await withLoop { loop in
      let end = try RawWebSocket(loop: loop, role: .server)
      end.peer.stream.close()
      loop.run(until: { end.probe.isClosed })
      #expect(end.probe.code == nil)
      end.end()
    }
  }

  @Test func closingWithinTheMessageCallbackSendsWhatWasSaidBefore() async throws {
    try await withLoop { loop in
      let end = try RawWebSocket(loop: loop, role: .server)
      end.probe.onMessage = { _, _ in
        end.socket.send("last")
        end.socket.close(.policyViolation, reason: "enough")
        end.socket.send("ignored")
      }
      end.peer.send(end.frame(.text, utf8("x")))
      end.waitForItems(2)
      #expect(end.received == [.message(.text, utf8("last")), .close(1008, "enough")])
      end.end()
    }
  }

  @Test func abortingWithinTheMessageCallbackReadsNoMore() async throws {
    try await withLoop { loop in
      let end = try RawWebSocket(loop: loop, role: .server)
      var count = 0
      end.probe.onMessage = { _, _ in
        count += 1
        end.socket.abort()
      }
      end.peer.send(end.frame(.text, utf8("x")) + end.frame(.text, utf8("y")))
      loop.run(until: { end.probe.isClosed })
      #expect(count == 1)
      end.end()
    }
  }

  @Test func everyProtocolErrorHasItsCode() async throws {
    let key: [UInt8] = [1, 2, 3, 4]
    let cases: [(WebSocketRole, [UInt8], UInt16)] = [
      (.server, rawFrame(1, [65]), 1002),  // unmasked
      (.client, rawFrame(1, [65], key: key), 1002),  // masked
      (.server, rawFrame(1, [65], reserved: 0x40, key: key), 1002),
      (.server, rawFrame(3, [], key: key), 1002),
      (.server, rawFrame(9, [], fin: false, key: key), 1002),
      (.server, rawFrame(0, [], key: key), 1002),
      (.server, rawFrame(1, [], fin: false, key: key) + rawFrame(1, [], key: key), 1002),
      (.server, rawFrame(1, [65], key: key, lengthBytes: 2), 1002),
      (.server, rawFrame(8, [3], key: key), 1002),
      (.server, rawFrame(8, [0x03, 0xED], key: key), 1002),  // 1005
      (.server, rawFrame(1, [0xFF], key: key), 1007),
      (.server, rawFrame(8, [0x03, 0xE8, 0xFF], key: key), 1007),
      (.server, rawFrame(2, [UInt8](repeating: 0, count: 1001), key: key), 1009),
    ]
    try await withLoop { loop in
      for (role, bytes, code) in cases {
        let end = try RawWebSocket(loop: loop, role: role, maxMessageBytes: 1000)
        end.peer.send(bytes + end.frame(.text, utf8("dropped")))
        loop.run(until: { end.peer.hasEnded })
        guard case .close(let sent, let reason)? = end.received.first else {
          Issue.record("no Close for \(bytes.prefix(16))")
          return end.end()
        }
        #expect(sent == code, "\(bytes.prefix(16))")
        #expect(!reason.isEmpty)
        #expect(end.received.count == 1)
        #expect(end.probe.messages.isEmpty)
        #expect(end.socket.isClosing)
        end.peer.stream.close()
        loop.run(until: { end.probe.isClosed })
        end.end()
      }
    }
  }
}
