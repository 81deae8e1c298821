internal import Reactor

/// Why a sandbox's server gave no response. Raw values are labels of the metrics.
enum PreviewFailure: String, CaseIterable, Sendable {
  case nothingListens = "nothing_listens"
  /// The sandbox or its sidecar can't be reached.
  case unreachable
  case closed, malformed
  /// Too many connections to the sandbox are open.
  case busy
  case timedOut = "timed_out"

  init(_ error: HTTPClientError) {
    switch error {
    case .stream(.connect): self = .nothingListens
    case .unreachable, .invalidRequest: self = .unreachable
    case .stream, .closed: self = .closed
    case .malformed, .unexpectedUpgrade, .tooManyInterimResponses, .bodyTooLarge,
      .handshake:
      self = .malformed
    case .refused: self = .busy
    case .timedOut: self = .timedOut
    }
  }

  func error(port: UInt16) -> APIError {
    switch self {
    case .nothingListens:
      .sandboxUnreachable(
        "nothing listens on port \(port) in this sandbox: start a server there, for example "
          + "'python3 -m http.server \(port)'")
    case .unreachable: .sandboxUnreachable("the sandbox can't be reached")
    case .closed:
      .sandboxUnreachable("the server on port \(port) closed the connection without a response")
    case .malformed:
      .sandboxUnreachable("what the server on port \(port) sent is no HTTP response")
    case .busy: .capacityExhausted("too many connections to this sandbox are open")
    case .timedOut: .sandboxUnreachable("the server on port \(port) did not respond in time")
    }
  }
}
