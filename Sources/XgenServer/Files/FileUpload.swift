internal import Reactor

/// The way of a request's body from a client to a sidecar: what the sidecar does not take is not
/// read from the client.
@LoopActor
final class FileUpload {
  typealias Ending = Result<APIResponse, APIError>

  private let request: APIRequest
  private let order: FileOrder
  private let upstream: HTTPClientExchange
  private var bodyIsWhole = false
  private var head: HTTPResponseHead?
  private var body: [UInt8] = []
  private var waiting: CheckedContinuation<Ending, Never>?
  private let unreachable: (HTTPClientError) -> APIError
  private let fault: (String) -> APIError

  init(
    _ request: APIRequest, _ order: FileOrder, mode: UInt32?, timeouts: HTTPClientTimeouts,
    unreachable: @escaping (HTTPClientError) -> APIError, fault: @escaping (String) -> APIError
  ) {
    self.request = request
    self.order = order
    self.unreachable = unreachable
    self.fault = fault
    let more = mode.map { "&mode=" + String($0, radix: 8) } ?? ""
    var asked = HTTPClientRequest(target: order.target("/files", more), host: SidecarClient.host)
    asked.method = .put
    asked.fields = order.conditions.fields
    asked.body = Self.body(request.exchange.head.framing)
    asked.timeouts = timeouts
    upstream = HTTPClientExchange(asked)
  }

  private static func body(_ framing: HTTPBodyFraming) -> HTTPClientRequest.Body {
    switch framing {
    case .none: .stream(length: 0)
    case .length(let byteCount): .stream(length: byteCount)
    case .chunked, .untilClose: .stream(length: nil)
    }
  }

  /// Returns when the sidecar has answered, or the client is gone.
  func run(_ start: (HTTPClientExchange) -> Void) async throws(APIError) -> APIResponse {
    upstream.onHead = { [unowned self] in head = $0 }
    upstream.onBody = { [unowned self] in collect($0) }
    upstream.onEnd = { [unowned self] in didEnd($0) }
    upstream.onDrain = { [unowned self] in request.exchange.resumeBody() }
    let ending = await withCheckedContinuation { waiting in
      self.waiting = waiting
      start(upstream)
      request.exchange.readBody { [weak self] in
        self?.send($0)
      } onEnd: { [weak self] in
        self?.bodyDidEnd($0)
      }
    }
    return try ending.get()
  }

  private func end(_ ending: Ending) {
    upstream.cancel()
    let waiting = waiting
    self.waiting = nil
    waiting?.resume(returning: ending)
  }

  // MARK: From the client

  private func send(_ piece: UnsafeRawBufferPointer) {
    if waiting == nil { return }
    upstream.write(piece)
    if upstream.isCongested { request.exchange.pauseBody() }
  }

  private func bodyDidEnd(_ error: HTTPBodyError?) {
    if waiting == nil { return }
    // The connection answers a client that broke off, if it is still there.
    if error != nil { return end(.success(.takenOver)) }
    bodyIsWhole = true
    upstream.endBody()
  }

  // MARK: From the sidecar

  private func collect(_ piece: UnsafeRawBufferPointer) {
    body.append(contentsOf: piece)
    if body.count > FileRefusal.maxBodyBytes { end(.failure(unreachable(.bodyTooLarge))) }
  }

  private func didEnd(_ error: HTTPClientError?) {
    if let error { return end(.failure(unreachable(error))) }
    guard let head else { return end(.failure(unreachable(.closed))) }
    switch head.status {
    case 201, 204:
      guard bodyIsWhole, let tag = FileHead.tag(head.headers) else { break }
      return end(.success(.empty(head.status, [FileFields.tag(tag)])))
    default:
      guard let told = FileRefusal.error(head, body, to: .put, order.conditions) else { break }
      return end(.failure(told))
    }
    end(.failure(fault("the sidecar's answer to a file makes no sense")))
  }
}
