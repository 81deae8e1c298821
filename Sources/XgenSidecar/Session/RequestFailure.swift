import Reactor
import XgenProtocol

/// Why a request is answered with `Error`.
struct RequestFailure: Error, Equatable, Sendable {
  let code: ErrorCode
  let message: String
  /// What a shell would have exited with, for a command that can't be run.
  let exitCode: Int32?

  init(_ code: ErrorCode, _ message: String, exitCode: Int32? = nil) {
    self.code = code
    self.message = message
    self.exitCode = exitCode
  }

  init(_ error: ProtocolError) { self.init(error.code, error.description) }

  var payload: ErrorPayload { ErrorPayload(code: code, message: message, exitCode: exitCode) }
}

extension WorkerPool.Full {
  /// What a client is told when all workers are busy and their queue is full.
  static let failure = RequestFailure(.limitReached, "too many requests are waiting")
}
