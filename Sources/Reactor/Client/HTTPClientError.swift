/// Why a request of ours got no answer, or not all of it.
public enum HTTPClientError: Error, Equatable, Sendable, CustomStringConvertible {
  /// There is no stream to the destination; the text says why.
  case unreachable(String)
  case stream(StreamError)
  /// The peer closed before its answer was whole.
  case closed
  case malformed(HTTPParseError)
  /// A 101 to a request that asked for no upgrade.
  case unexpectedUpgrade
  /// More than `HTTPClientLimits.maxInterimResponses` came before the final one.
  case tooManyInterimResponses
  /// What was to be sent is no request; nothing was sent, or not its whole body.
  case invalidRequest(HTTPParseError)
  case bodyTooLarge
  case timedOut(HTTPClientTimeout)
  /// An upgrade was refused with this status.
  case refused(status: Int, body: String)
  case handshake(WebSocketResponseError)

  public var description: String {
    switch self {
    case .unreachable(let reason): reason
    case .stream(let error): "\(error)"
    case .closed: "the peer closed the connection before it answered"
    case .malformed(let error): "malformed answer: \(error.reason)"
    case .unexpectedUpgrade: "the answer switches protocols unasked"
    case .tooManyInterimResponses: "interim answers without a final one"
    case .invalidRequest(let error): "our request can't be written: \(error.reason)"
    case .bodyTooLarge: "the answer is too large"
    case .timedOut(let what): "\(what)"
    case .refused(let status, let body): "refused with status \(status): \(body)"
    case .handshake(let error): "WebSocket handshake: \(error)"
    }
  }
}

extension HTTPClientError {
  /// Whether it may be a connection that the peer closed before it read the request.
  var mayBeLoss: Bool {
    switch self {
    case .closed, .stream: true
    case .unreachable, .malformed, .unexpectedUpgrade, .tooManyInterimResponses, .invalidRequest,
      .bodyTooLarge, .timedOut, .refused, .handshake:
      false
    }
  }
}

/// Which of `HTTPClientTimeouts` has passed.
public enum HTTPClientTimeout: Sendable, CustomStringConvertible {
  case connect, head, bodyIdle, whole

  public var description: String {
    switch self {
    case .connect: "no connection in time"
    case .head: "no answer in time"
    case .bodyIdle: "the exchange stalled"
    case .whole: "no answer in time as a whole"
    }
  }
}
