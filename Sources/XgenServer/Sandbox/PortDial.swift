internal import Reactor

/// Why there is no connection to a port inside a sandbox.
enum PortDialError: Error, Equatable, Sendable, CustomStringConvertible {
  /// Neither 127.0.0.1 nor ::1 takes connections there.
  case nothingListens
  /// Something listens there, but does not accept.
  case timedOut
  /// The sandbox has as many connections as it may.
  case limitReached
  /// The sidecar can't be reached, or does not speak as one must; the text says why.
  case unreachable(String)

  var description: String {
    switch self {
    case .nothingListens: "nothing listens on this port"
    case .timedOut: "what listens on this port accepts no connection"
    case .limitReached: "too many connections to this sandbox's ports are open"
    case .unreachable(let reason): reason
    }
  }
}

/// A connection to a port inside a sandbox, while it is made: by a tunnel of the sidecar, which
/// dials 127.0.0.1, then ::1, inside. So servers bound to loopback work, and no address can ever
/// lead to another tenant's sandbox.
@LoopActor
final class PortDial {
  /// The stream is paused, its bytes are the port's, those in `leftover` came first.
  typealias Completion = (Result<HTTPUpgrade, PortDialError>) -> Void

  private var completion: Completion?
  private var exchange: HTTPClientExchange?

  init(_ completion: @escaping Completion) { self.completion = completion }

  /// Asks for the tunnel over a connection to the sidecar.
  func start(
    _ port: UInt16, over stream: any ByteStream, timeoutMs: UInt64,
    onFailure: @escaping (HTTPClientError) -> PortDialError
  ) {
    let exchange = HTTPClientExchange(Self.request(port, timeoutMs))
    self.exchange = exchange
    exchange.onUpgrade = { [self] head, upgrade in
      if Self.isTunnel(head) { return finish(.success(upgrade)) }
      upgrade.stream.close()
      finish(.failure(onFailure(.unexpectedUpgrade)))
    }
    exchange.onHead = { [self] head in
      exchange.cancel()
      finish(.failure(Self.error(head.status)))
    }
    exchange.onEnd = { [self] error in finish(.failure(onFailure(error ?? .closed))) }
    exchange.start(over: stream)
  }

  /// Fails in a later turn, not within the caller's call.
  func failSoon(_ error: PortDialError) {
    LoopActor.loop.after(ms: 0) { [self] in finish(.failure(error)) }
  }

  /// Gives it up; the completion does not run any more. Idempotent.
  func cancel() {
    completion = nil
    exchange?.cancel()
    exchange = nil
  }

  private func finish(_ result: Result<HTTPUpgrade, PortDialError>) {
    let done = completion
    completion = nil
    exchange = nil
    done?(result)
  }

  // MARK: The sidecar's words

  private static let protocolName = "xgen-tunnel"

  private static func request(_ port: UInt16, _ timeoutMs: UInt64) -> HTTPClientRequest {
    var request = HTTPClientRequest(target: "/tunnel?port=\(port)", host: SidecarClient.host)
    request.fields = [
      HTTPField(fixed: "Upgrade", "xgen-tunnel"), HTTPField(fixed: "Connection", "Upgrade"),
    ]
    request.asksUpgrade = true
    request.timeouts = HTTPClientTimeouts(wholeMs: timeoutMs)
    return request
  }

  private static func isTunnel(_ head: HTTPResponseHead) -> Bool {
    head.isUpgrade && head.headers.values("upgrade") == [protocolName]
  }

  private static func error(_ status: Int) -> PortDialError {
    switch status {
    case 502: .nothingListens
    case 503: .limitReached
    case 504: .timedOut
    default: .unreachable("the sidecar refuses a tunnel with status \(status)")
    }
  }
}

extension SidecarClient {
  /// Connects to a port inside. `done` runs once, on the loop, in a later turn, unless the dial is
  /// cancelled; the stream is its owner's to close.
  @discardableResult
  func dial(
    _ port: UInt16, in sandbox: Sandbox, _ done: @escaping PortDial.Completion
  ) -> PortDial {
    let dial = PortDial(done)
    do throws(HTTPClientError) {
      let stream = try dialSidecar(sandbox.record.id)
      dial.start(port, over: stream, timeoutMs: timeouts.answerMs) { [self, weak sandbox] error in
        guard let sandbox else { return .unreachable("the sandbox has ended") }
        return .unreachable(unreachable(sandbox, error).message)
      }
    } catch {
      dial.failSoon(.unreachable("\(error)"))
    }
    return dial
  }
}
