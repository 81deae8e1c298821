import Glibc
import Reactor

/// One client's WebSocket.
protocol EchoServiceSession: WebSocketDelegate {
  /// Set once it is open.
  var socket: WebSocketConnection? { get set }
}

/// Serves WebSockets that send messages back, until SIGTERM or Ctrl-C.
final class EchoService {
  /// What its clients meet.
  struct Manners {
    /// Where WebSockets are; nil: everywhere.
    var path: String?
    /// The first message, where there is one.
    var greeting: [UInt8] = []
    /// What `GET /bytes/COUNT` answers with; nil: nothing.
    var pattern: EchoPattern?
    let makeSession: () -> any EchoServiceSession
  }

  private static let maxMessageBytes = 64 * 1024 * 1024
  static let maxBodyBytes = 64 * 1024 * 1024

  private let command: String
  private let address: SocketAddress
  private let manners: Manners
  private var server: HTTPServer?
  private var signals: [SignalWatch] = []
  private var sessions: [ObjectIdentifier: any EchoServiceSession] = [:]

  /// The command's name stands before its errors.
  init(_ command: String, at address: SocketAddress, _ manners: Manners) {
    self.command = command
    self.address = address
    self.manners = manners
  }

  static func address(
    _ arguments: Arguments, default fallback: String
  ) throws(UsageError) -> SocketAddress {
    let text = try arguments.text("--listen") ?? fallback
    guard let address = SocketAddress(parsing: text) else {
      throw UsageError("--listen: \"\(text)\" is not an address such as \(fallback)")
    }
    return address
  }

  /// Returns the exit status; `banner` is the line that tells where it listens.
  func run(banner: (_ bound: SocketAddress) -> String) -> Int32 {
    raiseDescriptorLimit()
    do throws(UVError) {
      let loop = try Loop()
      let status = serve(loop, banner)
      loop.close()
      return status
    } catch {
      Console.error("xgen-bench: event loop: \(error)\n")
      return ExitCode.failure
    }
  }

  private func serve(_ loop: Loop, _ banner: (SocketAddress) -> String) -> Int32 {
    let server = HTTPServer(loop: loop) { [unowned self] in answer($0) }
    self.server = server
    do throws(UVError) {
      let bound = try server.listen(at: address)
      for number in [SIGINT, SIGTERM] {
        signals.append(
          try SignalWatch(loop: loop, signal: number) { [unowned self] in stop() })
      }
      Console.print("\(banner(bound))\n")
    } catch {
      Console.error("xgen-bench \(command): \(address): \(error)\n")
      server.close()
      return ExitCode.failure
    }
    loop.run()
    if case .unix(let path) = address { unlink(path) }
    return ExitCode.success
  }

  private func answer(_ exchange: HTTPExchange) {
    let text = HTTPField(fixed: "Content-Type", "text/plain; charset=utf-8")
    if let path = manners.path, exchange.head.path != path { return answerPlain(exchange, text) }
    do throws(WebSocketHandshakeError) {
      try exchange.checkWebSocketRequest()
    } catch {
      return exchange.refuse(error, body: Array("\(error.reason)\n".utf8), contentType: text)
    }
    guard let upgrade = exchange.acceptWebSocket() else { return exchange.abort() }
    open(upgrade)
  }

  /// `/healthz`; `/bytes/COUNT`: so many bytes of the pattern, for proxies of HTTP; and `/tunnel`,
  /// by which an xgen-server comes to both.
  private func answerPlain(_ exchange: HTTPExchange, _ text: HTTPField) {
    let path = exchange.head.path
    let prefix = "/bytes/"
    if path == "/tunnel", exchange.head.upgradeProtocols == ["xgen-tunnel"] {
      return openTunnel(exchange)
    }
    if path == "/healthz" { return exchange.respond(200, [text], body: Array("ok".utf8)) }
    guard let pattern = manners.pattern, path.hasPrefix(prefix),
      let count = Int(path.dropFirst(prefix.count)), (0...Self.maxBodyBytes).contains(count)
    else { return exchange.respond(404, [text], body: Array("no\n".utf8)) }
    let type = HTTPField(fixed: "Content-Type", "application/octet-stream")
    exchange.respond(200, [type], body: pattern.prefix(count))
  }

  /// Any port is this server itself.
  private func openTunnel(_ exchange: HTTPExchange) {
    let fields = [
      HTTPField(fixed: "Upgrade", "xgen-tunnel"), HTTPField(fixed: "Connection", "Upgrade"),
    ]
    guard let server, let upgrade = exchange.upgrade(fields) else { return exchange.abort() }
    server.serve(upgrade)
  }

  private func open(_ upgrade: HTTPUpgrade) {
    let session = manners.makeSession()
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
    if !manners.greeting.isEmpty {
      manners.greeting.withUnsafeBytes { socket.send(.binary, $0) }
    }
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
