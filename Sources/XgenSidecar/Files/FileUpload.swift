import Reactor
import XgenProtocol

/// Streams a request's body into a pending file: a worker writes what has come, and while enough
/// waits behind it the client is held back. What is not whole in the end leaves nothing behind.
final class FileUpload {
  private let endpoints: FileEndpoints
  private let exchange: HTTPExchange
  private let file: PendingFile
  private let conditions: HTTPConditions
  /// What came since the worker began to write.
  private var waiting: [UInt8] = []
  /// A worker has the file.
  private var isBusy = false
  private var isPaused = false
  private var end: End?

  private enum End { case whole, broken }

  private init(
    _ endpoints: FileEndpoints, _ exchange: HTTPExchange, _ file: PendingFile,
    _ conditions: HTTPConditions
  ) {
    self.endpoints = endpoints
    self.exchange = exchange
    self.file = file
    self.conditions = conditions
  }

  /// The exchange holds the upload until its body has ended.
  static func start(
    _ endpoints: FileEndpoints, _ exchange: HTTPExchange, _ file: PendingFile,
    _ conditions: HTTPConditions
  ) {
    let upload = FileUpload(endpoints, exchange, file, conditions)
    exchange.readBody {
      upload.receive($0)
    } onEnd: {
      upload.bodyDidEnd($0)
    }
  }

  private func receive(_ piece: UnsafeRawBufferPointer) {
    if end != nil { return }
    waiting.append(contentsOf: piece)
    advance()
    // The next piece still fits.
    if waiting.count > SidecarLimits.filePieceBytes - StreamLimits.readBytes && !isPaused {
      isPaused = true
      exchange.pauseBody()
    }
  }

  private func bodyDidEnd(_ error: HTTPBodyError?) {
    if end != nil { return }
    end = error == nil ? .whole : .broken
    advance()
  }

  private func advance() {
    if isBusy { return }
    if case .broken = end { return discard() }
    if !waiting.isEmpty { return write() }
    if case .whole = end { commit() }
  }

  private func write() {
    let (file, bytes) = (file, waiting)
    waiting = []
    onWorker { () throws(RequestFailure) in
      try file.write(bytes)
    } then: { [self] in
      if isPaused && end == nil {
        isPaused = false
        exchange.resumeBody()
      }
      advance()
    }
  }

  private func commit() {
    let (file, conditions) = (file, conditions)
    onWorker { () throws(RequestFailure) in
      try file.commit { conditions.outcome(.put, $0) != .failed }
    } then: { [self] commit in
      switch commit {
      case .made(let tag): exchange.respond(201, [FileAnswer.tag(tag)])
      case .replaced(let tag): exchange.respond(204, [FileAnswer.tag(tag)])
      case .unwanted:
        FileAnswer.preconditionFailed(exchange)
        discard()
      }
    }
  }

  private func onWorker<Value: Sendable>(
    _ body: @escaping @Sendable () throws(RequestFailure) -> Value,
    then: @escaping (Value) -> Void
  ) {
    isBusy = true
    endpoints.work({ _ throws(RequestFailure) in try body() }) { [self] result in
      isBusy = false
      switch result {
      case .success(let value): then(value)
      case .failure(let failure): fail(failure)
      }
    }
  }

  /// Answers before the body has ended; the rest of it is dropped.
  private func fail(_ failure: RequestFailure) {
    end = .broken
    waiting = []
    FileAnswer.fail(exchange, failure)
    discard()
  }

  private func discard() {
    let file = file
    isBusy = true
    endpoints.workAlways { file.discard() }
  }
}
