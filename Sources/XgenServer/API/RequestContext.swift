internal import Reactor

/// What is known of a request from its first moment on: for its answer, the metrics, the log.
@LoopActor
final class RequestContext {
  let exchange: HTTPExchange
  /// The X-Request-Id.
  let id: String
  /// Loop time.
  let startedMs = LoopActor.loop.nowMs
  /// The metrics' label: the route's template once it is found.
  var path = Metrics.unmatchedPath
  /// Where it comes from: the peer, or whom trusted proxies name; nil on a Unix socket.
  let clientAddress: IPAddress?
  /// Whose request it is, once that is known; nil on open routes.
  var principal: Principal?
  /// Which sandbox it is about, as far as that is known; it need not exist.
  var sandboxID: String?
  /// Refused before anything else was looked at.
  var isOverRateLimit = false
  /// Called once with the status, before the answer's first byte is written.
  var onAnswer: ((_ status: Int) -> Void)?
  /// Headers that any answer to it carries, errors included.
  var fields: [HTTPField]

  init(_ exchange: HTTPExchange, trusting proxies: ForwardedFor = ForwardedFor(trusted: [])) {
    self.exchange = exchange
    clientAddress = exchange.peer.flatMap { IPAddress($0) }.map {
      proxies.client(peer: $0, exchange.head.headers.values(ForwardedFor.fieldName))
    }
    id = RequestID.of(exchange.head)
    fields = [RequestID.field(id)]
  }

  func answer(_ response: APIResponse) {
    switch response.body {
    case .none: respond(response.status, response.fields, [])
    case .bytes(let bytes): respond(response.status, response.fields, bytes)
    case .takenOver: break
    }
  }

  private func respond(_ status: Int, _ extra: [HTTPField], _ body: [UInt8]) {
    willAnswer(status)
    exchange.respond(status, fields + extra, body: body)
  }

  /// To be called where an answer begins.
  func willAnswer(_ status: Int) {
    let told = onAnswer
    onAnswer = nil
    told?(status)
  }

  /// The client's address; `local` on a Unix socket.
  var peerHost: String { clientAddress.map { "\($0)" } ?? "local" }

  func answer(_ error: APIError) {
    if error.status == 405, exchange.head.method == .options {
      respond(204, error.fields, [])
    } else {
      respond(error.status, [APIResponse.jsonType] + error.fields, error.body)
    }
  }
}

/// The X-Request-Id of a request: the client's own if it is fit to be logged, else a random one.
enum RequestID {
  static func of(_ head: HTTPRequestHead) -> String {
    if let own = head.headers["x-request-id"], isFit(own) { return own }
    return random()
  }

  private static func isFit(_ id: String) -> Bool {
    (1...Limits.maxRequestIDBytes).contains(id.utf8.count)
      && id.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
  }

  /// 88 bits in 15 characters, which a String holds without an allocation.
  static func random() -> String { Base64URL.encode(SystemRandom.bytes(11)) }

  static func field(_ id: String) -> HTTPField {
    HTTPField("X-Request-Id", id) ?? HTTPField(fixed: "X-Request-Id", "-")
  }
}
