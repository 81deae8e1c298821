import Reactor
import TestSupport
import Testing

/// Large bodies both ways, with little held at any time.
@Suite struct HTTPClientFlowTests {
  private static let total = isSanitized ? 16 << 20 : 64 << 20
  private static let piece = [UInt8](repeating: 0x61, count: 60_000)
  /// A stream's queue: the mark at which its writer stops, and one piece with its chunk's head.
  private static let mostPending = StreamLimits.highWaterBytes + 64 * 1024

  @Test(arguments: [false, true])
  func aLargeRequestWaitsForItsReader(isChunked: Bool) async throws {
    try await withLoop { loop in
      var received = 0
      let site = try HTTPSite(loop: loop) { exchange in
        exchange.readBody { piece in
          received += piece.count
          // Stops and goes on at each of them, so that the writer has to wait.
          exchange.pauseBody()
          loop.after(ms: 0) { exchange.resumeBody() }
        } onEnd: { error in
          #expect(error == nil)
          exchange.answer("\(received)")
        }
      }
      let length = isChunked ? nil : UInt64(Self.total)
      let probe = ExchangeProbe(.post(.stream(length: length)))
      let stream = try SocketStream.connect(loop: loop, to: site.address)
      probe.exchange.start(over: stream)
      var (sent, mostPending, waits) = (0, 0, 0)
      func send() {
        while sent < Self.total, !probe.exchange.isCongested {
          let count = min(Self.piece.count, Self.total - sent)
          probe.exchange.write(Array(Self.piece[..<count]))
          sent += count
          mostPending = max(mostPending, stream.pendingByteCount)
        }
        if sent < Self.total { waits += 1 } else { probe.exchange.endBody() }
      }
      probe.exchange.onDrain = { if sent < Self.total { send() } }
      send()
      loop.run(until: { probe.isOver })
      #expect(probe.text == "\(Self.total)" && probe.errors == [nil])
      #expect(mostPending <= Self.mostPending && waits > 0)
      site.close()
    }
  }

  @Test(arguments: [false, true])
  func aLargeAnswerWaitsForItsReader(isChunked: Bool) async throws {
    try await withLoop { loop in
      var sent = 0
      let site = try HTTPSite(loop: loop) { exchange in
        func send() {
          while sent < Self.total, !exchange.isCongested {
            let count = min(Self.piece.count, Self.total - sent)
            Self.piece[..<count].withUnsafeBytes { exchange.write($0) }
            sent += count
          }
          if sent == Self.total { exchange.end() }
        }
        exchange.startResponse(200, length: isChunked ? nil : UInt64(Self.total))
        exchange.onDrain = { send() }
        send()
      }
      let exchange = HTTPClientExchange(.get)
      var (received, mostAhead, isPaused, isOver) = (0, 0, false, false)
      exchange.onBody = { piece in
        #expect(!isPaused)
        received += piece.count
        mostAhead = max(mostAhead, sent - received)
        isPaused = true
        exchange.pauseReading()
        loop.after(ms: 0) {
          isPaused = false
          exchange.resumeReading()
        }
      }
      exchange.onEnd = { error in
        #expect(error == nil)
        isOver = true
      }
      exchange.start(over: try SocketStream.connect(loop: loop, to: site.address))
      loop.run(until: { isOver })
      #expect(received == Self.total)
      // The server's queue, what one read holds, and the kernel's buffers of both ends.
      #expect(mostAhead <= Self.mostPending + StreamLimits.readBytes + (10 << 20))
      site.close()
    }
  }
}
