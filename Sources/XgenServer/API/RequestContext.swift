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
    case .none: exchange.respond(response.status, fields + response.fields)
    case .bytes(let bytes):
      exchange.respond(response.status, fields + response.fields, body: bytes)
    case .takenOver: break
    }
  }

  func answer(_ error: APIError) {
    if error.status == 405, exchange.head.method == .options {
      exchange.respond(204, fields + error.fields)
    } else {
      exchange.respond(
        error.status, fields + [APIResponse.jsonType] + error.fields, body: error.body)
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

  static func random() -> String { Base64URL.encode(SystemRandom.bytes(12)) }

  static func field(_ id: String) -> HTTPField {
    HTTPField("X-Request-Id", id) ?? HTTPField(fixed: "X-Request-Id", "-")
  }
}
