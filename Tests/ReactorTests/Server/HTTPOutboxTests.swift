import TestSupport
import Testing

@testable import Reactor

/// In how many pieces answers reach their stream.
@Suite struct HTTPOutboxTests {
  /// A connection over a stream that only notes what it is given.
  private struct Wire {
    let server: HTTPServer
    let stream: NotingStream
    let connection: HTTPConnection

    init(_ loop: Loop, _ handler: @escaping HTTPServer.Handler) {
      server = HTTPServer(loop: loop, handler: handler)
      stream = NotingStream(loop: loop)
      connection = HTTPConnection(server: server, stream: stream, peerAddress: nil, peer: nil)
      connection.start()
    }

    func receive(_ text: String) {
      var bytes = Array(text.utf8)
      bytes.withUnsafeMutableBytes { connection.streamDidReceive($0) }
    }

    func close() {
      connection.streamDidClose(nil)
      server.close()
    }
  }

  @Test func answersToAPipelineGoOutTogether() async throws {
    try await withLoop { loop in
      let wire = Wire(loop) { $0.answer($0.head.path) }
      wire.receive(request("GET /a") + request("GET /b") + request("GET /c"))
      #expect(wire.stream.pieces.map(withoutDate) == [okay("/a") + okay("/b") + okay("/c")])
      wire.receive(request("GET /d"))
      #expect(wire.stream.pieces.count == 2)
      wire.close()
    }
  }

  @Test func anAnswerThatTakesItsTimeHoldsNoEarlierOneBack() async throws {
    try await withLoop { loop in
      var waiting: HTTPExchange?
      let wire = Wire(loop) { exchange in
        if exchange.head.path == "/slow" { waiting = exchange } else { exchange.answer("x") }
      }
      wire.receive(request("GET /") + request("GET /slow") + request("GET /"))
      #expect(wire.stream.pieces.map(withoutDate) == [okay("x")])
      waiting?.answer("slow")
      #expect(wire.stream.pieces.map(withoutDate) == [okay("x"), okay("slow")])
      loop.run(until: { wire.stream.pieces.count == 3 })
      wire.close()
    }
  }

  @Test func aLargeBodyComesBehindItsHeadAndWhatWasBefore() async throws {
    try await withLoop { loop in
      let body = String(repeating: "b", count: HTTPOutbox.maxBytes + 1)
      let wire = Wire(loop) { $0.answer($0.head.path == "/large" ? body : "x") }
      wire.receive(request("GET /") + request("GET /large") + request("GET /"))
      let whole = withoutDate(wire.stream.pieces.flatMap { $0 })
      #expect(whole == okay("x") + okay(body) + okay("x"))
      #expect(wire.stream.pieces.map(\.count).contains(body.utf8.count))
      wire.close()
    }
  }

  @Test func whatIsGatheredIsBounded() async throws {
    try await withLoop { loop in
      let body = String(repeating: "b", count: HTTPOutbox.maxBytes / 4)
      let wire = Wire(loop) { $0.answer(body) }
      wire.receive(String(repeating: request("GET /"), count: 12))
      #expect(wire.stream.pieces.count == 3)
      wire.close()
    }
  }

  @Test func anotherConnectionsAnswerDoesNotMixWithTheGathered() async throws {
    try await withLoop { loop in
      var waiting: HTTPExchange?
      let first = Wire(loop) { waiting = $0 }
      first.receive(request("GET /first"))
      let second = NotingStream(loop: loop)
      let connection = HTTPConnection(
        server: first.server, stream: second, peerAddress: nil, peer: nil)
      connection.start()
      var bytes = Array((request("GET /1") + request("GET /2")).utf8)
      bytes.withUnsafeMutableBytes { connection.streamDidReceive($0) }
      let held = try #require(waiting)
      held.answer("2nd")
      #expect(second.pieces.map(withoutDate) == [okay("2nd")])
      connection.streamDidClose(nil)
      first.close()
    }
  }

  @Test func theEndOfAConnectionSendsWhatIsGathered() async throws {
    try await withLoop { loop in
      let wire = Wire(loop) { exchange in
        if exchange.head.path == "/abort" { exchange.abort() } else { exchange.answer("x") }
      }
      wire.receive(request("GET /") + request("GET /abort"))
      #expect(wire.stream.pieces.map(withoutDate) == [okay("x")] && wire.stream.isClosing)
      wire.close()
    }
  }
}

/// Takes everything at once.
private final class NotingStream: ByteStream {
  let loop: Loop
  var delegate: (any ByteStreamDelegate)?
  private(set) var pieces: [[UInt8]] = []
  private(set) var isClosing = false
  let pendingByteCount = 0
  let isConnecting = false
  let hasUnreadInput = false

  init(loop: Loop) { self.loop = loop }

  func resumeReading() {}
  func pauseReading() {}
  func write(_ bytes: UnsafeRawBufferPointer) { if !isClosing { pieces.append(Array(bytes)) } }
  func endWriting() {}
  func close(_ error: StreamError?) { isClosing = true }
}
