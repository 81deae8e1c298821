internal import Reactor

/// The way of a file from a sidecar to a client: what the client does not take is not read from
/// the sidecar.
@LoopActor
final class FileDownload {
  typealias Ending = Result<APIResponse, APIError>

  private let request: APIRequest
  private let order: FileOrder
  private let upstream: HTTPClientExchange
  /// A refusal whose body is being collected.
  private var refusal: (head: HTTPResponseHead, body: [UInt8])?
  /// What a refusal or an answer without a body comes to.
  private var answer: APIResponse?
  private var waiting: CheckedContinuation<Ending, Never>?
  /// Makes the sidecar's error the client's.
  private let unreachable: (HTTPClientError) -> APIError
  /// Tells of a sidecar that speaks nonsense.
  private let fault: (String) -> APIError

  init(
    _ request: APIRequest, _ order: FileOrder, timeouts: HTTPClientTimeouts,
    unreachable: @escaping (HTTPClientError) -> APIError, fault: @escaping (String) -> APIError
  ) {
    self.request = request
    self.order = order
    self.unreachable = unreachable
    self.fault = fault
    var asked = HTTPClientRequest(target: order.target(), host: SidecarClient.host)
    asked.method = request.exchange.head.method
    asked.fields = order.conditions.fields
    asked.timeouts = timeouts
    upstream = HTTPClientExchange(asked)
  }

  /// Returns when all is sent, or the client is gone; throws what is not answered yet.
  func run(_ start: (HTTPClientExchange) -> Void) async throws(APIError) -> APIResponse {
    upstream.onHead = { [unowned self] in didReceive($0) }
    upstream.onBody = { [unowned self] in didReceive($0) }
    upstream.onEnd = { [unowned self] in didEnd($0) }
    watchClient()
    let ending = await withCheckedContinuation { waiting in
      self.waiting = waiting
      if request.exchange.isGone { return end(.success(.takenOver)) }
      start(upstream)
    }
    return try ending.get()
  }

  /// A client that has only ended its own direction may still read.
  private func watchClient() {
    request.exchange.onDisconnect = { [weak self] in
      guard let self else { return }
      if request.exchange.isGone { end(.success(.takenOver)) } else { watchClient() }
    }
  }

  private func end(_ ending: Ending) {
    upstream.cancel()
    request.exchange.onDrain = nil
    request.exchange.onDisconnect = nil
    let waiting = waiting
    self.waiting = nil
    waiting?.resume(returning: ending)
  }

  // MARK: From the sidecar

  private func didReceive(_ head: HTTPResponseHead) {
    guard [200, 206, 304].contains(head.status) else {
      refusal = (head, [])
      return
    }
    let method = request.exchange.head.method
    guard let file = FileHead(head, to: method, order.conditions) else {
      return end(.failure(fault("the sidecar's answer about a file makes no sense")))
    }
    let fields = file.fields(named: order.name)
    if case .unchanged = file.content {
      answer = .empty(file.status, fields)
      return
    }
    request.startResponse(file.status, fields, length: file.byteCount)
    request.exchange.onDrain = { [weak self] in self?.upstream.resumeReading() }
  }

  private func didReceive(_ piece: UnsafeRawBufferPointer) {
    if refusal != nil { return collect(piece) }
    let exchange = request.exchange
    exchange.write(piece)
    if exchange.isGone { return end(.success(.takenOver)) }
    if exchange.isCongested { upstream.pauseReading() }
  }

  private func collect(_ piece: UnsafeRawBufferPointer) {
    refusal?.body.append(contentsOf: piece)
    if let refusal, refusal.body.count > FileRefusal.maxBodyBytes {
      end(.failure(unreachable(.bodyTooLarge)))
    }
  }

  private func didEnd(_ error: HTTPClientError?) {
    switch (error, refusal, answer) {
    case (nil, let refusal?, _):
      let told = FileRefusal.error(
        refusal.head, refusal.body, to: request.exchange.head.method, order.conditions)
      end(.failure(told ?? fault("the sidecar's refusal of a file makes no sense")))
    case (nil, nil, let answer?): end(.success(answer))
    case (nil, nil, nil):
      request.exchange.end()
      end(.success(.takenOver))
    case (let error?, _, _):
      // In the middle of the body there is no other way to say so.
      if request.hasStartedResponse { request.exchange.abort() }
      end(.failure(unreachable(error)))
    }
  }
}
