import Reactor
import XgenProtocol

@testable import XgenServer

/// A sidecar that says that it is ready and sends every message back.
@LoopActor
final class EchoSidecar {
  private(set) var address: SocketAddress!
  /// WebSockets that were opened, ever.
  private(set) var opened = 0
  /// Paths that were asked for and are not `/ws`.
  private(set) var strayPaths: [String] = []
  private var server: HTTPServer!
  private var sessions: [Session] = []

  init() throws {
    server = HTTPServer(loop: LoopActor.loop) { [unowned self] in answer($0) }
    address = try server.listen(at: .loopback(port: 0))
  }

  /// Drops every connection and listens no more.
  func end() {
    server.close()
    for session in sessions { session.socket?.abort() }
    sessions = []
    server.abort()
  }

  private func answer(_ exchange: HTTPExchange) {
    guard exchange.head.path == "/ws", let upgrade = exchange.acceptWebSocket() else {
      strayPaths.append(exchange.head.path)
      return exchange.respond(404)
    }
    opened += 1
    let session = Session()
    let socket = WebSocketConnection(
      stream: upgrade.stream, role: .server, maxMessageBytes: 1 << 20, delegate: session,
      onClosed: upgrade.didClose)
    session.socket = socket
    sessions.append(session)
    EnvelopeHead(.sandboxReady).message().withUnsafeBytes { socket.send(.binary, $0) }
    var leftover = ByteBuffer()
    swap(&leftover, &upgrade.leftover)
    socket.start(leftover: leftover)
  }

  private final class Session: WebSocketDelegate {
    var socket: WebSocketConnection?

    func webSocketDidReceive(_ opcode: WebSocketOpcode, _ message: UnsafeRawBufferPointer) {
      socket?.send(opcode, message)
    }

    func webSocketDidDrain() {}

    func webSocketDidClose(_ code: WebSocketCloseCode?, _ error: StreamError?) { socket = nil }
  }
}
