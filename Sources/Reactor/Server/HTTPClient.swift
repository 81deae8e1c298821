/// Why a request of ours got no answer.
public enum HTTPClientError: Error, Equatable, Sendable, CustomStringConvertible {
  case stream(StreamError)
  /// The peer closed before its answer was whole.
  case closed
  case malformed(HTTPParseError)
  /// What was to be sent is no request; nothing was sent.
  case invalidRequest(HTTPParseError)
  case bodyTooLarge
  case timedOut
  /// An upgrade was refused with this status.
  case refused(status: Int, body: String)
  case handshake(WebSocketResponseError)

  public var description: String {
    switch self {
    case .stream(let error): "\(error)"
    case .closed: "the peer closed the connection before it answered"
    case .malformed(let error): "malformed answer: \(error.reason)"
    case .invalidRequest(let error): "our request can't be written: \(error.reason)"
    case .bodyTooLarge: "the answer is too large"
    case .timedOut: "no answer in time"
    case .refused(let status, let body): "refused with status \(status): \(body)"
    case .handshake(let error): "WebSocket handshake: \(error)"
    }
  }
}

/// A request that we make.
public struct HTTPClientRequest: Sendable {
  public var method = HTTPMethod.get
  public var target: String
  public var host: String
  public var fields: [HTTPField] = []
  public var body: [UInt8] = []
  /// For the whole exchange.
  public var timeoutMs: UInt64 = 10_000
  public var maxResponseBytes = 1024 * 1024

  public init(target: String, host: String) {
    self.target = target
    self.host = host
  }
}

public struct HTTPClientResponse: Sendable {
  public let head: HTTPResponseHead
  public let body: [UInt8]
}

/// One request over a stream of its own, which it closes. The answer is as strictly read as a
/// request: the peer may be hostile.
public final class HTTPClientExchange: ByteStreamDelegate {
  public typealias Completion = (Result<HTTPClientResponse, HTTPClientError>) -> Void

  private let stream: any ByteStream
  private let request: HTTPClientRequest
  private var parser = HTTPResponseParser()
  private var input = ByteBuffer()
  private var head: HTTPResponseHead?
  private var bodyReader = HTTPBodyReader(.none)
  private var body: [UInt8] = []
  private var completion: Completion?
  private var timer: Timer?
  /// Why nothing was sent.
  private var unsendable: HTTPClientError?

  /// Sends the request. The completion runs once, on the loop, never within this call.
  @discardableResult
  public init(
    _ stream: any ByteStream, _ request: HTTPClientRequest, _ completion: @escaping Completion
  ) {
    self.stream = stream
    self.request = request
    self.completion = completion
    stream.delegate = self
    timer = stream.loop.after(ms: request.timeoutMs) { [weak self] in
      self?.finish(.failure(.timedOut))
    }
    send()
    stream.resumeReading()
  }

  private func send() {
    var out = ByteBuffer()
    do throws(HTTPParseError) {
      try HTTPEncoder.requestHead(
        request.method, target: request.target, host: request.host, fields: request.fields,
        framing: request.body.isEmpty ? .none : .length(UInt64(request.body.count)),
        keepAlive: false, into: &out)
    } catch {
      unsendable = .invalidRequest(error)
      stream.close()
      return
    }
    out.append(request.body)
    stream.write(out)
  }

  public func streamDidReceive(_ bytes: UnsafeMutableRawBufferPointer) {
    do throws(HTTPParseError) {
      if head == nil {
        input.append(UnsafeRawBufferPointer(bytes))
        try readHead()
      } else {
        try readBody(UnsafeRawBufferPointer(bytes))
      }
    } catch {
      finish(.failure(.malformed(error)))
    }
  }

  private func readHead() throws(HTTPParseError) {
    while head == nil {
      let parsed: HTTPResponseParser.Parsed? = try input.withReadable {
        bytes throws(HTTPParseError) in try parser.parse(bytes, to: request.method)
      }
      guard let parsed else { return }
      input.consume(parsed.consumed)
      if parsed.head.isInformational && parsed.head.status != 101 { continue }
      head = parsed.head
      bodyReader = HTTPBodyReader(parsed.head.framing)
    }
    var rest = ByteBuffer()
    swap(&rest, &input)
    try rest.withReadable { bytes throws(HTTPParseError) in try readBody(bytes) }
  }

  private func readBody(_ bytes: UnsafeRawBufferPointer) throws(HTTPParseError) {
    var used = 0
    while used < bytes.count, !bodyReader.isComplete {
      let rest = UnsafeRawBufferPointer(rebasing: bytes[used...])
      let (step, data) = try bodyReader.read(rest)
      used += step
      if let data { body.append(contentsOf: data) }
      if body.count > request.maxResponseBytes { return finish(.failure(.bodyTooLarge)) }
    }
    if bodyReader.isComplete { succeed() }
  }

  private func succeed() {
    guard let head else { return }
    finish(.success(HTTPClientResponse(head: head, body: body)))
  }

  public func streamDidEnd() {
    if head != nil && bodyReader.streamDidEnd() { return succeed() }
    finish(.failure(.closed))
  }

  public func streamDidClose(_ error: StreamError?) {
    finish(.failure(unsendable ?? error.map { .stream($0) } ?? .closed))
  }

  private func finish(_ result: Result<HTTPClientResponse, HTTPClientError>) {
    timer?.cancel()
    timer = nil
    stream.close()
    let done = completion
    completion = nil
    done?(result)
  }
}
