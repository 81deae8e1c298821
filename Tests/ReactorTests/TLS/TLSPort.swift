import Reactor
import ReactorTLS
import TestSupport
import Testing

/// A listener whose connections are TLS, and clients of it, on one loop.
final class TLSPort {
  let loop: Loop
  let listener: SocketListener
  let context: TLSContext
  private(set) var accepted: [StreamProbe] = []
  private var clients: [StreamProbe] = []
  private var clientContexts: [TLSContext] = []

  /// `reads`: whether the accepted streams are read from the start.
  init(loop: Loop, reads: Bool = true, handshakeMs: UInt64 = TLSLimits.handshakeMs) throws {
    self.loop = loop
    let context = try TLSFixture.shared.server()
    self.context = context
    var accept: ((SocketStream) -> Void)?
    listener = try SocketListener.listen(loop: loop, at: .loopback(port: 0)) { accept?($0) }
    accept = { [unowned self] stream in
      let stream = TLSStream(over: stream, context, handshakeMs: handshakeMs)
      accepted.append(StreamProbe(stream, reads: reads))
    }
  }

  /// A client of TLS that has not shaken hands yet.
  func dial(
    _ context: TLSContext? = nil, reads: Bool = true, resuming session: TLSSession? = nil
  ) throws -> StreamProbe {
    let context = try context ?? TLSFixture.shared.client()
    clientContexts.append(context)
    let socket = try SocketStream.connect(loop: loop, to: listener.address)
    let stream = TLSStream(over: socket, context, serverName: "localhost", resuming: session)
    return add(StreamProbe(stream, reads: reads))
  }

  /// A client of TCP, for what is no TLS.
  func dialPlain() throws -> StreamProbe {
    add(StreamProbe(try SocketStream.connect(loop: loop, to: listener.address)))
  }

  private func add(_ client: StreamProbe) -> StreamProbe {
    clients.append(client)
    return client
  }

  /// Both ends of a connection after the handshake.
  func connect(
    _ context: TLSContext? = nil, reads: Bool = true,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws -> (client: StreamProbe, server: StreamProbe) {
    let count = accepted.count
    let client = try dial(context, reads: reads)
    loop.run(
      until: { client.isConnected && accepted.count > count && accepted[count].isConnected },
      sourceLocation: sourceLocation)
    return (client, accepted[count])
  }

  /// Closes all and expects every engine to be freed.
  func close() {
    listener.close()
    for probe in clients + accepted { probe.stream.close() }
    loop.run(until: { (clients + accepted).allSatisfy { $0.isClosed } })
    for probe in clients + accepted { #expect(probe.closeCount == 1) }
    clients = []
    accepted = []
  }
}

/// Lends a TLS port, closes it and expects that all it made was freed.
func withTLSPort(
  reads: Bool = true, handshakeMs: UInt64 = TLSLimits.handshakeMs,
  sourceLocation: SourceLocation = #_sourceLocation,
  _ body: @Sendable (Loop, TLSPort) throws -> Void
) async throws {
  try await withLoop(sourceLocation: sourceLocation) { loop in
    let context: TLSContext
    do {
      let port = try TLSPort(loop: loop, reads: reads, handshakeMs: handshakeMs)
      context = port.context
      defer { port.close() }
      try body(loop, port)
    }
    loop.turns(3)
    #expect(context.engineCount == 0, "engines not freed", sourceLocation: sourceLocation)
  }
}
