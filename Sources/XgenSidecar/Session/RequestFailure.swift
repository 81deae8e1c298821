import Reactor
import XgenProtocol

/// Why a request is answered with `Error`.
struct RequestFailure: Error, Equatable, Sendable {
  let code: ErrorCode
  let message: String

  init(_ code: ErrorCode, _ message: String) {
    self.code = code
    self.message = message
  }

  init(_ error: ProtocolError) { self.init(error.code, error.description) }

  var payload: ErrorPayload { ErrorPayload(code: code, message: message) }
}

extension WorkerPool.Full {
  /// What a client is told when all workers are busy and their queue is full.
  static let failure = RequestFailure(.limitReached, "too many requests are waiting")
}
