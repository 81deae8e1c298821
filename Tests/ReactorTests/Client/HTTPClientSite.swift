import Reactor
import TestSupport
import Testing

/// A server that a test plays by hand, at a free port, and a pool whose destinations all lead
/// there.
final class HTTPClientSite {
  typealias Answer = Result<HTTPClientResponse, HTTPClientError>

  let loop: Loop
  private(set) var pool: HTTPClientPool<String>!
  /// What the pool dialed, in order.
  private(set) var dialed: [SocketStream] = []
  /// The other ends, in the order in which they were accepted.
  private(set) var peers: [StreamProbe] = []
  /// Of `ask`, in order.
  private(set) var answers: [Answer] = []
  private var listener: SocketListener!

  init(loop: Loop, limits: HTTPClientLimits = HTTPClientLimits()) throws {
    self.loop = loop
    listener = try SocketListener.listen(loop: loop, at: .loopback(port: 0)) {
      [unowned self] in peers.append(StreamProbe($0))
    }
    pool = HTTPClientPool(loop: loop, limits: limits) {
      [unowned self] destination throws(HTTPClientError) in
      if destination == "nowhere" { throw .unreachable("there is no such place") }
      do throws(UVError) {
        dialed.append(try SocketStream.connect(loop: loop, to: listener.address))
      } catch {
        throw .stream(.connect(error))
      }
      return dialed[dialed.count - 1]
    }
  }

  /// Sends a request, whose answer is collected into `answers`.
  func ask(_ request: HTTPClientRequest = .get, to destination: String = "a") {
    pool.send(request, to: destination) { [unowned self] in answers.append($0) }
  }

  /// The connection of that number, once a whole request head has come on it; the head is taken.
  @discardableResult
  func request(
    on index: Int, sourceLocation: SourceLocation = #_sourceLocation
  ) -> StreamProbe {
    loop.run(
      until: { peers.count > index && peers[index].text.contains("\r\n\r\n") },
      sourceLocation: sourceLocation)
    _ = peers[index].take()
    return peers[index]
  }

  /// Closes a connection so that its other end gets a reset.
  func reset(_ peer: StreamProbe) {
    if let stream = peer.stream as? SocketStream { resetOnClose(stream) }
    peer.stream.close()
  }

  /// Asks and answers, on the connection of that number.
  func serve(
    _ text: String = okay("ok"), on index: Int, to destination: String = "a",
    _ request: HTTPClientRequest = .get, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let count = answers.count
    ask(request, to: destination)
    self.request(on: index, sourceLocation: sourceLocation).send(text)
    loop.run(until: { answers.count > count }, sourceLocation: sourceLocation)
  }

  /// The body of the latest answer, or its error's text.
  var latest: String {
    switch answers.last {
    case .success(let response): String(decoding: response.body, as: UTF8.self)
    case .failure(let error): "\(error)"
    case nil: "none"
    }
  }

  var latestError: HTTPClientError? {
    guard case .failure(let error)? = answers.last else { return nil }
    return error
  }

  /// Closes all, and sees that the pool then holds nothing.
  func close(sourceLocation: SourceLocation = #_sourceLocation) {
    pool.close()
    listener.close()
    for peer in peers { peer.stream.close() }
    loop.run(
      until: { pool.connectionCount == 0 && dialed.allSatisfy { $0.delegate == nil } },
      sourceLocation: sourceLocation)
    loop.run(until: { peers.allSatisfy { $0.isClosed } }, sourceLocation: sourceLocation)
    #expect(pool.idleCount == 0, sourceLocation: sourceLocation)
    loop.turns(3)
  }

  static func with(
    limits: HTTPClientLimits = HTTPClientLimits(),
    sourceLocation: SourceLocation = #_sourceLocation,
    _ body: @Sendable (HTTPClientSite, Loop) throws -> Void
  ) async throws {
    try await withLoop(sourceLocation: sourceLocation) { loop in
      let site = try HTTPClientSite(loop: loop, limits: limits)
      defer { site.close(sourceLocation: sourceLocation) }
      try body(site, loop)
    }
  }
}

extension HTTPClientRequest {
  static let get = HTTPClientRequest(target: "/", host: "peer")

  static func post(_ body: Body) -> HTTPClientRequest {
    var request = get
    request.method = .post
    request.body = body
    return request
  }
}

/// Writes down what an exchange tells.
final class ExchangeProbe {
  let exchange: HTTPClientExchange
  private(set) var head: HTTPResponseHead?
  private(set) var body: [UInt8] = []
  private(set) var upgrade: HTTPUpgrade?
  private(set) var errors: [HTTPClientError?] = []
  var onHead: (() -> Void)?
  var onPiece: (() -> Void)?

  init(_ request: HTTPClientRequest = .get) {
    exchange = HTTPClientExchange(request)
    exchange.onHead = { [unowned self] in
      head = $0
      onHead?()
    }
    exchange.onBody = { [unowned self] in
      body.append(contentsOf: $0)
      onPiece?()
    }
    exchange.onEnd = { [unowned self] in errors.append($0) }
    exchange.onUpgrade = { [unowned self] in
      head = $0
      upgrade = $1
    }
  }

  var text: String { String(decoding: body, as: UTF8.self) }
  var isOver: Bool { !errors.isEmpty || upgrade != nil }
}
