import Reactor
import TestSupport
import Testing

/// A WebSocket's delegate that writes down all it is told.
final class WebSocketProbe: WebSocketDelegate {
  enum Message: Equatable {
    case text(String)
    case binary([UInt8])
  }

  private(set) var messages: [Message] = []
  private(set) var drainCount = 0
  private(set) var closeCount = 0
  private(set) var code: WebSocketCloseCode?
  private(set) var error: StreamError?
  var onMessage: ((WebSocketOpcode, UnsafeRawBufferPointer) -> Void)?

  var isClosed: Bool { closeCount > 0 }

  func webSocketDidReceive(_ opcode: WebSocketOpcode, _ message: UnsafeRawBufferPointer) {
    if let onMessage { return onMessage(opcode, message) }
    messages.append(
      opcode == .text
        ? .text(String(decoding: message, as: UTF8.self)) : .binary([UInt8](message)))
  }

  func webSocketDidDrain() { drainCount += 1 }

  func webSocketDidClose(_ code: WebSocketCloseCode?, _ error: StreamError?) {
    closeCount += 1
    self.code = code
    self.error = error
    onMessage = nil
  }
}

extension WebSocketConnection {
  func send(_ text: String) { Array(text.utf8).withUnsafeBytes { send(.text, $0) } }
  func send(_ bytes: [UInt8]) { bytes.withUnsafeBytes { send(.binary, $0) } }
}

/// One end of a WebSocket whose other end is played by hand, frame by frame.
struct RawWebSocket {
  let loop: Loop
  let socket: WebSocketConnection
  let probe: WebSocketProbe
  let peer: StreamProbe
  let role: WebSocketRole

  /// `role`: of the connection; the peer has the other one.
  init(loop: Loop, role: WebSocketRole, maxMessageBytes: Int = 1 << 20, leftover: [UInt8] = [])
    throws
  {
    self.loop = loop
    self.role = role
    let (near, far) = try SocketStream.pair(loop: loop)
    peer = StreamProbe(far)
    probe = WebSocketProbe()
    socket = WebSocketConnection(
      stream: near, role: role, maxMessageBytes: maxMessageBytes,
      maskSeed: role == .client ? 7 : nil, delegate: probe)
    var buffer = ByteBuffer()
    buffer.append(leftover)
    socket.start(leftover: buffer)
  }

  /// A frame as the peer has to send it.
  func frame(_ opcode: WebSocketOpcode, _ payload: [UInt8] = [], isFinal: Bool = true) -> [UInt8] {
    rawFrame(
      opcode.rawValue, payload, fin: isFinal, key: role == .server ? [0x12, 0x34, 0x56, 0x78] : nil)
  }

  func closeFrame(_ code: UInt16, _ reason: String = "") -> [UInt8] {
    frame(.close, [UInt8(code >> 8), UInt8(code & 255)] + Array(reason.utf8))
  }

  /// All that the peer has received so far.
  var received: [WebSocketTranscript.Item] {
    WebSocketTranscript(role: role == .server ? .client : .server, [peer.bytes]).items
  }

  func waitForItems(_ count: Int, sourceLocation: SourceLocation = #_sourceLocation) {
    loop.run(until: { received.count >= count }, sourceLocation: sourceLocation)
  }

  func end() {
    socket.abort()
    peer.stream.close()
    loop.run(until: { probe.isClosed && peer.isClosed })
    #expect(probe.closeCount == 1)
  }
}

/// A server that upgrades every request to a WebSocket and echoes, and clients of it.
final class EchoSite {
  let site: HTTPSite
  private(set) var sockets: [WebSocketProbe] = []

  init(
    loop: Loop, maxMessageBytes: Int = 4 << 20, origins: WebSocketOriginPolicy = .any
  ) throws {
    var accept: ((HTTPExchange) -> Void)?
    site = try HTTPSite(loop: loop) { accept?($0) }
    accept = { [unowned self] exchange in
      do throws(WebSocketHandshakeError) {
        try exchange.checkWebSocketRequest(origins: origins)
        let offered = try exchange.offeredSubprotocols()
        let chosen = WebSocketHandshake.chooseSubprotocol(offered: offered, supported: ["v2"])
        guard let upgrade = exchange.acceptWebSocket(subprotocol: chosen) else { return }
        echo(upgrade, maxMessageBytes)
      } catch {
        exchange.refuse(
          error, body: Array("\(error.reason)".utf8),
          contentType: HTTPField(fixed: "Content-Type", "text/plain"))
      }
    }
  }

  private func echo(_ upgrade: HTTPUpgrade, _ maxMessageBytes: Int) {
    let probe = WebSocketProbe()
    sockets.append(probe)
    let socket = WebSocketConnection(
      stream: upgrade.stream, role: .server, maxMessageBytes: maxMessageBytes, delegate: probe,
      onClosed: upgrade.didClose)
    probe.onMessage = { [unowned socket] in socket.send($0, $1) }
    socket.start(leftover: upgrade.takeLeftover())
  }

  /// A client's socket, opened through the whole handshake.
  func open(_ probe: WebSocketProbe) throws -> WebSocketConnection {
    var result: Result<HTTPUpgrade, HTTPClientError>?
    WebSocketClientHandshake(
      try SocketStream.connect(loop: site.loop, to: site.address), target: "/ws", host: "test",
      subprotocols: ["v1", "v2"], nonce: (1, 2)
    ) { result = $0 }
    site.loop.run(until: { result != nil })
    let upgrade = try #require(result).get()
    let socket = WebSocketConnection(
      stream: upgrade.stream, role: .client, maxMessageBytes: 4 << 20, maskSeed: 3,
      delegate: probe)
    socket.start(leftover: upgrade.takeLeftover())
    return socket
  }

  func close() { site.close() }
}

extension HTTPUpgrade {
  func takeLeftover() -> ByteBuffer {
    var taken = ByteBuffer()
    swap(&taken, &leftover)
    return taken
  }
}
