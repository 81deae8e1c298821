import TestSupport
import Testing

@testable import Reactor

/// What a relay's ends are: plain sockets, which it polls itself, or other streams, such as TLS.
enum RelayTransport: CaseIterable {
  case sockets, streams, mixed

  func client(_ socket: SocketStream) -> any ByteStream {
    self == .sockets ? socket : OpaqueStream(socket)
  }

  func upstream(_ socket: SocketStream) -> any ByteStream {
    self == .streams ? OpaqueStream(socket) : socket
  }
}

/// A relay between two socket pairs, whose far ends the test plays byte by byte.
final class RelayFixture: WebSocketRelayOwner {
  let loop: Loop
  let client: StreamProbe
  let upstream: StreamProbe
  private(set) var relay: WebSocketRelay!
  let total = RelayedBytes()
  private(set) var faults: [String] = []
  private(set) var hasEnded = false
  private(set) var clientCloses = 0

  /// Runs `body` with a started relay; afterwards both ends are closed and the relay must end.
  static func with(
    _ transport: RelayTransport = .sockets, leftover: [UInt8] = [], reads: Bool = true,
    endMs: UInt64 = testDeadlineMs, stallMs: UInt64 = 60_000,
    _ body: @Sendable (RelayFixture) throws -> Void
  ) async throws {
    try await withLoop { loop in
      let fixture = try RelayFixture(
        loop, transport, leftover, reads: reads, endMs: endMs, stallMs: stallMs)
      try body(fixture)
      fixture.client.stream.close()
      fixture.upstream.stream.close()
      fixture.wait { fixture.hasEnded }
      #expect(fixture.clientCloses == 1)
      #expect(fixture.relay.pendingByteCount == 0)
      loop.runToEnd()
      fixture.relay = nil
    }
  }

  private init(
    _ loop: Loop, _ transport: RelayTransport, _ leftover: [UInt8], reads: Bool, endMs: UInt64,
    stallMs: UInt64
  ) throws {
    self.loop = loop
    let (clientNear, clientFar) = try SocketStream.pair(loop: loop)
    let (upstreamNear, upstreamFar) = try SocketStream.pair(loop: loop)
    client = StreamProbe(clientFar, reads: reads)
    upstream = StreamProbe(upstreamFar, reads: reads)
    var first = ByteBuffer()
    first.append(leftover)
    let settings = WebSocketRelaySettings(
      maxClientMessageBytes: 64 << 20, maxUpstreamMessageBytes: (64 << 20) + 9,
      frameStallMs: stallMs, endMs: endMs, lostReason: "lost", brokenReason: "broken")
    let client = HTTPUpgrade(stream: transport.client(clientNear), leftover: ByteBuffer()) {
      [unowned self] in clientCloses += 1
    }
    let upstream = HTTPUpgrade(
      stream: transport.upstream(upstreamNear), leftover: first, didClose: {})
    relay = WebSocketRelay(
      client: client, upstream: upstream, settings: settings, total: total, owner: self)
    relay.start(client: client, upstream: upstream)
  }

  func relay(_ relay: WebSocketRelay, upstreamBroke reason: String) { faults.append(reason) }
  func relayDidEnd(_ relay: WebSocketRelay) { hasEnded = true }

  func wait(_ condition: () -> Bool, sourceLocation: SourceLocation = #_sourceLocation) {
    loop.run(until: condition, sourceLocation: sourceLocation)
  }

  /// A frame as a client writes it, masked; or as an upstream does.
  static func frame(
    _ opcode: WebSocketOpcode, _ payload: [UInt8] = [], isFinal: Bool = true, masked: Bool
  ) -> [UInt8] {
    var out = ByteBuffer()
    payload.withUnsafeBytes {
      WebSocketEncoder.appendFrame(
        opcode, $0, isFinal: isFinal, maskingKey: masked ? 0x1234_5678 : nil, to: &out)
    }
    return out.withReadable { Array($0) }
  }

  static func closeFrame(_ code: UInt16, _ reason: String = "", masked: Bool) -> [UInt8] {
    let payload = [UInt8(code >> 8), UInt8(code & 255)] + Array(reason.utf8)
    return frame(.close, payload, masked: masked)
  }
}

/// A stream that can't be told for a socket.
final class OpaqueStream: ByteStream {
  private let inner: SocketStream

  init(_ inner: SocketStream) { self.inner = inner }

  var delegate: (any ByteStreamDelegate)? {
    get { inner.delegate }
    set { inner.delegate = newValue }
  }
  var loop: Loop { inner.loop }
  var pendingByteCount: Int { inner.pendingByteCount }
  var isClosing: Bool { inner.isClosing }
  var isConnecting: Bool { inner.isConnecting }
  var hasUnreadInput: Bool { inner.hasUnreadInput }

  func resumeReading() { inner.resumeReading() }
  func pauseReading() { inner.pauseReading() }
  func write(_ bytes: UnsafeRawBufferPointer) { inner.write(bytes) }
  func endWriting() { inner.endWriting() }
  func close(_ error: StreamError?) { inner.close(error) }
}
