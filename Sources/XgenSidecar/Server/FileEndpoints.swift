import Reactor
import XgenProtocol

/// `/files?path=`: GET, HEAD, PUT and DELETE of a file; `/files/list?path=`: what a folder holds.
final class FileEndpoints {
  private let sidecar: Sidecar

  init(_ sidecar: Sidecar) { self.sidecar = sidecar }

  static let methods = HTTPField(fixed: "Allow", "GET, HEAD, PUT, DELETE")

  /// Answers a request for `/files`.
  func serve(_ exchange: HTTPExchange) {
    do throws(RequestFailure) {
      let request = try FileRequest(exchange.head)
      switch exchange.head.method {
      case .get, .head:
        try enter(exchange)
        read(exchange, request)
      case .put:
        let mode = try request.mode()
        try enter(exchange)
        write(exchange, request, mode)
      case .delete:
        remove(exchange, request, isRecursive: try request.isRecursive())
      default: exchange.respond(405, [Self.methods])
      }
    } catch {
      FileAnswer.fail(exchange, error)
    }
  }

  /// Answers a request for `/files/list`.
  func list(_ exchange: HTTPExchange) {
    do throws(RequestFailure) {
      let path = try FileRequest(exchange.head).path
      let limit = sidecar.limits.listedEntries
      work { workspace throws(RequestFailure) in
        try workspace.list(path, atMost: limit)
      } then: { result in
        switch result {
        case .success(let found):
          let cut = found.isCut ? [HTTPField(fixed: "X-Xgen-Truncated", "true")] : []
          let body = FsListReply(entries: found.entries).encode()
          exchange.respond(200, [FileAnswer.payload] + cut, body: body)
        case .failure(let failure): FileAnswer.fail(exchange, failure)
        }
      }
    } catch {
      FileAnswer.fail(exchange, error)
    }
  }

  /// Counts the exchange as a transfer until it is over.
  private func enter(_ exchange: HTTPExchange) throws(RequestFailure) {
    let streams = sidecar.fileStreams
    guard streams.enter() else {
      throw RequestFailure(.limitReached, "too many files are under way")
    }
    exchange.onFinish = { _, _ in streams.leave() }
  }

  // MARK: GET

  private func read(_ exchange: HTTPExchange, _ request: FileRequest) {
    let path = request.path
    work { workspace throws(RequestFailure) in
      try workspace.openFile(path)
    } then: { [self] result in
      switch result {
      case .success(let file): send(file, exchange, request.conditions)
      case .failure(let failure): FileAnswer.fail(exchange, failure)
      }
    }
  }

  private func send(
    _ file: OpenedFile, _ exchange: HTTPExchange, _ conditions: HTTPConditions
  ) {
    let tag = FileAnswer.tag(file.tag)
    switch conditions.outcome(exchange.head.method, file.tag) {
    case .failed: FileAnswer.preconditionFailed(exchange)
    case .notModified: exchange.respond(304, [tag])
    case .proceed(nil):
      start(exchange, 200, [tag], file, 0..<file.size)
    case .proceed(let asked?):
      guard let range = asked.resolved(in: file.size) else {
        let size = HTTPContentRange(unsatisfied: file.size)
        return exchange.respond(416, [FileAnswer.contentRange(size)])
      }
      let told = FileAnswer.contentRange(HTTPContentRange(range, of: file.size))
      start(exchange, 206, [tag, told], file, range)
    }
  }

  private func start(
    _ exchange: HTTPExchange, _ status: Int, _ fields: [HTTPField], _ file: OpenedFile,
    _ range: Range<UInt64>
  ) {
    let type = HTTPField(fixed: "Content-Type", "application/octet-stream")
    let changed = HTTPField("Last-Modified", HTTPDate.format(file.modifiedAt))
    exchange.startResponse(
      status,
      [type, HTTPField(fixed: "Accept-Ranges", "bytes")] + fields
        + [changed].compactMap { $0 }, length: UInt64(range.count))
    if exchange.head.method == .head { return exchange.end() }
    FileDownload.start(exchange, sidecar.workers, file, range)
  }

  // MARK: PUT

  private func write(_ exchange: HTTPExchange, _ request: FileRequest, _ mode: UInt32?) {
    let (path, conditions) = (request.path, request.conditions)
    work { workspace throws(RequestFailure) -> PendingFile? in
      let file = try workspace.beginWriting(path, mode: mode)
      if conditions.outcome(.put, file.replaces) != .failed { return file }
      file.discard()
      return nil
    } then: { [self] result in
      switch result {
      case .success(nil): FileAnswer.preconditionFailed(exchange)
      case .success(let file?): FileUpload.start(self, exchange, file, conditions)
      case .failure(let failure): FileAnswer.fail(exchange, failure)
      }
    }
  }

  // MARK: DELETE

  private func remove(_ exchange: HTTPExchange, _ request: FileRequest, isRecursive: Bool) {
    let (path, conditions) = (request.path, request.conditions)
    work { workspace throws(RequestFailure) -> Bool in
      if conditions.outcome(.delete, try workspace.tag(of: path)) == .failed { return false }
      try workspace.remove(path, recursive: isRecursive)
      return true
    } then: { result in
      switch result {
      case .success(true): exchange.respond(204)
      case .success(false): FileAnswer.preconditionFailed(exchange)
      case .failure(let failure): FileAnswer.fail(exchange, failure)
      }
    }
  }

  // MARK: Workers

  /// Does `body` on a worker, then `then` on the loop; too much that waits is a failure as well.
  func work<Value: Sendable>(
    _ body: @escaping @Sendable (Workspace) throws(RequestFailure) -> Value,
    then: @escaping (Result<Value, RequestFailure>) -> Void
  ) {
    let workspace = sidecar.workspace
    do throws(WorkerPool.Full) {
      try sidecar.workers.submit(
        { Result { () throws(RequestFailure) in try body(workspace) } }, completion: then)
    } catch {
      then(.failure(WorkerPool.Full.failure))
    }
  }

  /// Does it on a worker, or here where none has time: it must be done.
  func workAlways(_ body: @escaping @Sendable () -> Void) {
    do throws(WorkerPool.Full) { try sidecar.workers.submit(body) {} } catch { body() }
  }
}
