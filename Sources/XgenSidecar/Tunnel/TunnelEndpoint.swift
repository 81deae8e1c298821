import Reactor

/// `GET /tunnel?port=N` with `Upgrade: xgen-tunnel`: after the 101, the bytes are the port's.
///
/// | status | says |
/// | --- | --- |
/// | 101 | connected |
/// | 400 | not a port, or a request with a body |
/// | 426 | no upgrade to `xgen-tunnel` was asked for |
/// | 502 | nothing listens there; so says the sidecar's own port, too |
/// | 503 | too many tunnels, or no descriptor left |
/// | 504 | what listens there accepts no connection in time |
final class TunnelEndpoint {
  static let protocolName = "xgen-tunnel"

  private let sidecar: Sidecar
  private static let upgrade = HTTPField(fixed: "Upgrade", "xgen-tunnel")
  private static let connection = HTTPField(fixed: "Connection", "Upgrade")
  private static let text = HTTPField(fixed: "Content-Type", "text/plain; charset=utf-8")

  init(_ sidecar: Sidecar) { self.sidecar = sidecar }

  func serve(_ exchange: HTTPExchange) {
    guard exchange.head.upgradeProtocols == [Self.protocolName] else {
      return refuse(exchange, 426, "this is a tunnel", [Self.upgrade, Self.connection])
    }
    guard exchange.head.framing.isEmpty, let port = Self.port(exchange.head) else {
      return refuse(exchange, 400, "port: 1 to 65535")
    }
    if port == sidecar.ownPort { return refuse(exchange, .nothingListens) }
    guard sidecar.tunnels.begin(nowMs: sidecar.loop.nowMs) else {
      return refuse(exchange, 503, "\(sidecar.limits.tunnelsAtOnce) tunnels are open")
    }
    dial(port, for: exchange)
  }

  private static func port(_ head: HTTPRequestHead) -> UInt16? {
    guard let items = try? head.decodedTarget().query.items, items.count == 1,
      items[0].name == "port", let port = UInt16(items[0].value), port > 0
    else { return nil }
    return port
  }

  private func dial(_ port: UInt16, for exchange: HTTPExchange) {
    let dial = LoopbackDial(
      loop: sidecar.loop, port: port, timeoutMs: sidecar.limits.tunnelConnectMs
    ) { [self] result in
      switch result {
      case .success(let stream): open(exchange, stream)
      case .failure(let failure):
        sidecar.tunnels.settle(nil)
        refuse(exchange, failure)
      }
    }
    exchange.onDisconnect = { [self] in
      dial.cancel()
      sidecar.tunnels.settle(nil)
    }
  }

  private func open(_ exchange: HTTPExchange, _ stream: SocketStream) {
    guard let upgrade = exchange.upgrade([Self.upgrade, Self.connection]) else {
      stream.close()
      return sidecar.tunnels.settle(nil)
    }
    let tunnels = sidecar.tunnels
    let tunnel = Tunnel(near: upgrade, far: stream, limits: sidecar.limits) { tunnels.remove($0) }
    tunnels.settle(tunnel)
  }

  private func refuse(_ exchange: HTTPExchange, _ failure: LoopbackDial.Failure) {
    switch failure {
    case .nothingListens: refuse(exchange, 502, "nothing listens there")
    case .timedOut: refuse(exchange, 504, "what listens there accepts no connection")
    case .noRoom: refuse(exchange, 503, "no descriptor is left for a connection")
    }
  }

  private func refuse(
    _ exchange: HTTPExchange, _ status: Int, _ reason: String, _ fields: [HTTPField] = []
  ) {
    exchange.respond(status, [Self.text] + fields, body: Array((reason + "\n").utf8))
  }
}
