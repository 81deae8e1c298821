import Reactor

/// A WebSocket server that sends every message back: a peer for `ws-echo --plain`, for other
/// clients and for conformance suites.
final class WSEchoServer: Command {
  static let name = "ws-echo-server"
  static let summary = "a plain WebSocket echo server, until SIGTERM or Ctrl-C"
  static let options = [
    CommandOption("--listen", "ADDR", "HOST:PORT or unix:PATH (default 127.0.0.1:9001)")
  ]

  private let address: SocketAddress

  init(_ arguments: Arguments) throws(UsageError) {
    address = try EchoService.address(arguments, default: "127.0.0.1:9001")
  }

  func run() -> Int32 {
    EchoService(Self.name, at: address, .init { EchoSession() }).run { "listening on ws://\($0)" }
  }
}

/// One client of the echo.
private final class EchoSession: EchoServiceSession {
  var socket: WebSocketConnection?

  func webSocketDidReceive(_ opcode: WebSocketOpcode, _ message: UnsafeRawBufferPointer) {
    guard let socket else { return }
    socket.send(opcode, message)
    if socket.isCongested { socket.pauseReading() }
  }

  func webSocketDidDrain() { socket?.resumeReading() }

  func webSocketDidClose(_ code: WebSocketCloseCode?, _ error: StreamError?) { socket = nil }
}
