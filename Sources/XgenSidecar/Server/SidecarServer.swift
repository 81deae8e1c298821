import Reactor
import XgenProtocol

/// The sidecar's HTTP server: `/ws` (the wire protocol), `/files`, `/ports`, `/tunnel`,
/// `/environment` and `/healthz`. With a token, all but the last are for who proves to hold it.
final class SidecarServer {
  private let sidecar: Sidecar
  private let files: FileEndpoints
  private let tunnel: TunnelEndpoint
  private let environment: EnvironmentEndpoint
  private let token: [UInt8]?
  private var gate: ProofGate?
  private var strangers: HTTPServer?
  private var http: HTTPServer!
  private static let json = HTTPField(fixed: "Content-Type", "application/json")
  private static let text = HTTPField(fixed: "Content-Type", "text/plain; charset=utf-8")
  /// Connections at once, from the server and, where it listens on TCP, from anybody.
  private static let maxConnections = 1024
  /// A path of the greatest length, every byte of it encoded, and what stands around it.
  private static let maxTargetBytes = 3 * WireLimits.maxPathBytes + 1024
  /// As much as a client of the server may send in conditions, besides.
  private static let maxHeadBytes = 65_535
  private static let bodyStallMs: UInt64 = 3_600_000

  init(_ sidecar: Sidecar, token: [UInt8]? = nil) {
    self.sidecar = sidecar
    self.token = token
    environment = EnvironmentEndpoint(sidecar)
    files = FileEndpoints(sidecar)
    tunnel = TunnelEndpoint(sidecar)
    var limits = HTTPServerLimits()
    limits.maxConnections = Self.maxConnections
    limits.head = HTTPLimits(
      maxTargetBytes: Self.maxTargetBytes, maxHeadBytes: Self.maxHeadBytes)
    // How slow a client may be is the server's to say.
    limits.bodyStallMs = Self.bodyStallMs
    limits.minBodyBytesPerSecond = 1
    http = HTTPServer(loop: sidecar.loop, limits: limits) { [unowned self] in serve($0) }
  }

  func listen(_ configuration: SidecarConfiguration) throws(UVError) -> SocketAddress {
    switch configuration.listen {
    case .descriptor(let number):
      let address = SocketAddress.unix(path: "(inherited descriptor \(number))")
      try http.listen(adopting: number, address: address)
      return address
    case .address(let address):
      guard let token else { return try http.listen(at: address) }
      let gate = ProofGate(sidecar, token: token, proven: http, strangers: makeStrangersServer())
      self.gate = gate
      do throws(UVError) { return try gate.listen(at: address) } catch {
        // Where the network knows no IPv6, `:port` means every IPv4 address.
        guard let port = address.port, address == SocketAddress(parsing: ":\(port)"),
          let plain = SocketAddress(parsing: "0.0.0.0:\(port)")
        else { throw error }
        return try gate.listen(at: plain)
      }
    }
  }

  private func makeStrangersServer() -> HTTPServer {
    var limits = HTTPServerLimits()
    limits.maxConnections = SidecarLimits.strangersAtOnce
    limits.idleMs = sidecar.limits.openingMs
    limits.headMs = sidecar.limits.openingMs
    let server = HTTPServer(loop: sidecar.loop, limits: limits) { exchange in
      let isProbe = exchange.head.method == .get && exchange.head.path == "/healthz"
      isProbe ? Self.healthz(exchange) : exchange.respond(401, [Self.text])
    }
    strangers = server
    return server
  }

  private static func healthz(_ exchange: HTTPExchange) {
    exchange.respond(200, [text], body: Array("ok".utf8))
  }

  private func serve(_ exchange: HTTPExchange) {
    if exchange.head.path == "/files" { return files.serve(exchange) }
    if exchange.head.path == "/environment", exchange.head.method == .put {
      return environment.serve(exchange)
    }
    guard exchange.head.method == .get else {
      return exchange.respond(405, [HTTPField(fixed: "Allow", "GET"), Self.text])
    }
    switch exchange.head.path {
    case "/healthz": Self.healthz(exchange)
    case "/files/list": files.list(exchange)
    case "/ports": ports(exchange)
    case "/tunnel": tunnel.serve(exchange)
    case "/ws": accept(exchange)
    default: exchange.respond(404, [Self.text], body: Array("not found\n".utf8))
    }
  }

  private func ports(_ exchange: HTTPExchange) {
    sidecar.ports.look { ports in
      guard let ports else { return exchange.respond(503, [Self.text]) }
      let list = "[\(ports.map { String($0) }.joined(separator: ","))]"
      exchange.respond(200, [Self.json], body: Array(list.utf8))
    }
  }

  private func accept(_ exchange: HTTPExchange) {
    do throws(WebSocketHandshakeError) { try exchange.checkWebSocketRequest() } catch {
      let body = Array((error.reason.description + "\n").utf8)
      return exchange.refuse(error, body: body, contentType: Self.text)
    }
    guard let upgrade = exchange.acceptWebSocket() else { return }
    SessionSocket.open(upgrade, sidecar)
  }

  /// Stops listening; open WebSockets end with their sessions.
  func close() {
    gate?.close()
    for server in [strangers, http] {
      server?.close()
      server?.abort()
    }
  }
}

/// Carries one session over its WebSocket.
final class SessionSocket: WireTransport, WebSocketDelegate {
  private var socket: WebSocketConnection!
  private var session: Session?
  /// The WebSocket's payload is the envelope's head and its payload.
  private static let maxMessageBytes = WireLimits.maxFilePayloadBytes

  /// The session's first messages go out before any of the client's is read.
  static func open(_ upgrade: HTTPUpgrade, _ sidecar: Sidecar) {
    let transport = SessionSocket()
    transport.socket = WebSocketConnection(
      stream: upgrade.stream, role: .server, maxMessageBytes: maxMessageBytes,
      delegate: transport, onClosed: upgrade.didClose)
    transport.session = Session(sidecar: sidecar, transport: transport)
    var leftover = ByteBuffer()
    swap(&leftover, &upgrade.leftover)
    transport.socket.start(leftover: leftover, peerHasEnded: upgrade.peerHasEnded)
  }

  // MARK: From the session

  var isCongested: Bool { socket.isCongested }

  func send(_ head: EnvelopeHead, _ payload: UnsafeRawBufferPointer) {
    withUnsafeTemporaryAllocation(byteCount: EnvelopeHead.byteCount, alignment: 4) { room in
      head.write(into: room)
      socket.send(.binary, UnsafeRawBufferPointer(room), payload)
    }
  }

  func pauseReceiving() { socket.pauseReading() }
  func resumeReceiving() { socket.resumeReading() }

  // MARK: From the socket

  func webSocketDidReceive(_ opcode: WebSocketOpcode, _ message: UnsafeRawBufferPointer) {
    switch opcode {
    case .binary: session?.receive(message)
    case .text: session?.receiveText()
    case .continuation, .close, .ping, .pong: break  // the connection's own business
    }
  }

  func webSocketDidDrain() { session?.transportDidDrain() }

  func webSocketDidClose(_ code: WebSocketCloseCode?, _ error: StreamError?) {
    session?.close()
    session = nil
  }
}
