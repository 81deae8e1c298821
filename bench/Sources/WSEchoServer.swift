import Glibc
import Reactor

/// A WebSocket server that sends every message back: a peer for `ws-echo --plain`, for other
/// clients and for conformance suites.
final class WSEchoServer: Command {
  static let name = "ws-echo-server"
  static let summary = "a plain WebSocket echo server, until SIGTERM or Ctrl-C"
  static let options = [
    CommandOption("--listen", "ADDR", "HOST:PORT or unix:PATH (default 127.0.0.1:9001)")
  ]

  private static let maxMessageBytes = 64 * 1024 * 1024

  private let address: SocketAddress
  private var server: HTTPServer?
  private var signals: [SignalWatch] = []
  private var sessions: [ObjectIdentifier: EchoSession] = [:]

  init(_ arguments: Arguments) throws(UsageError) {
    let text = try arguments.text("--listen") ?? "127.0.0.1:9001"
    guard let address = SocketAddress(parsing: text) else {
      throw UsageError("--listen: \"\(text)\" is not an address such as 127.0.0.1:9001")
    }
    self.address = address
  }

  func run() -> Int32 {
    raiseDescriptorLimit()
    do throws(UVError) {
      let loop = try Loop()
      let status = serve(loop)
      loop.close()
      return status
    } catch {
      Console.error("xgen-bench: event loop: \(error)\n")
      return ExitCode.failure
    }
  }

  private func serve(_ loop: Loop) -> Int32 {
    let server = HTTPServer(loop: loop) { [unowned self] in answer($0) }
    self.server = server
    do throws(UVError) {
      let bound = try server.listen(at: address)
      for number in [SIGINT, SIGTERM] {
        signals.append(
          try SignalWatch(loop: loop, signal: number) { [unowned self] in stop() })
      }
      Console.print("listening on ws://\(bound)\n")
    } catch {
      Console.error("xgen-bench ws-echo-server: \(address): \(error)\n")
      server.close()
      return ExitCode.failure
    }
    loop.run()
    return ExitCode.success
  }

  private func answer(_ exchange: HTTPExchange) {
    let text = HTTPField(fixed: "Content-Type", "text/plain; charset=utf-8")
    do throws(WebSocketHandshakeError) {
      try exchange.checkWebSocketRequest()
    } catch {
      return exchange.refuse(error, body: Array("\(error.reason)\n".utf8), contentType: text)
    }
    guard let upgrade = exchange.acceptWebSocket() else { return exchange.abort() }
    open(upgrade)
  }

  private func open(_ upgrade: HTTPUpgrade) {
    let session = EchoSession()
    let id = ObjectIdentifier(session)
    let didClose = upgrade.didClose
    let socket = WebSocketConnection(
      stream: upgrade.stream, role: .server, maxMessageBytes: Self.maxMessageBytes,
      delegate: session
    ) { [weak self] in
      didClose()
      self?.sessions[id] = nil
    }
    session.socket = socket
    sessions[id] = session
    var leftover = ByteBuffer()
    swap(&leftover, &upgrade.leftover)
    socket.start(leftover: leftover)
  }

  /// A second signal drops what is still open.
  private func stop() {
    let isFirst = server != nil
    server?.close { [unowned self] in
      for watch in signals { watch.cancel() }
    }
    server = nil
    for session in sessions.values {
      if isFirst { session.socket?.close(.goingAway) } else { session.socket?.abort() }
    }
  }
}

/// One client of the echo server.
private final class EchoSession: WebSocketDelegate {
  var socket: WebSocketConnection?

  func webSocketDidReceive(_ opcode: WebSocketOpcode, _ message: UnsafeRawBufferPointer) {
    guard let socket else { return }
    socket.send(opcode, message)
    if socket.isCongested { socket.pauseReading() }
  }

  func webSocketDidDrain() { socket?.resumeReading() }

  func webSocketDidClose(_ code: WebSocketCloseCode?, _ error: StreamError?) { socket = nil }
}
