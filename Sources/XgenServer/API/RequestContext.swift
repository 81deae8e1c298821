internal import Reactor

/// What is known of a request from its first moment on: for its answer, the metrics, the log.
@LoopActor
final class RequestContext {
  let exchange: HTTPExchange
  private unowned let server: Server
  /// The X-Request-Id.
  let id: String
  /// Loop time.
  let startedMs = LoopActor.loop.nowMs
  /// Nil until it is found.
  var route: Route?
  /// Where it comes from: the peer, or whom trusted proxies name; nil on a Unix socket.
  private(set) lazy var clientAddress: IPAddress? =
    exchange.peer.flatMap { IPAddress($0) }.map {
      server.proxies.client(peer: $0, exchange.head.headers.values(ForwardedFor.fieldName))
    }
  /// Whose request it is, once that is known; nil on open routes.
  var principal: Principal?
  /// Which sandbox it is about, as far as that is known; it need not exist.
  var sandboxID: String?
  /// Refused before anything else was looked at.
  var isOverRateLimit = false
  private var isAnswered = false
  /// Headers that any answer to it carries, errors included.
  var fields: [HTTPField]

  init(_ exchange: HTTPExchange, _ server: Server) {
    self.exchange = exchange
    self.server = server
    id = server.requestIDs.id(of: exchange.head)
    fields = [RequestID.field(id)]
  }

  /// The metrics' label.
  var path: PathLabel { route?.label ?? .unmatched }

  func answer(_ response: APIResponse) {
    switch response.body {
    case .none: respond(response.status, response.fields, [])
    case .bytes(let bytes): respond(response.status, response.fields, bytes)
    case .takenOver, .later: break
    }
  }

  private func respond(_ status: Int, _ extra: [HTTPField], _ body: [UInt8]) {
    willAnswer(status)
    exchange.respond(status, fields, extra, body: body)
  }

  /// To be called where an answer begins.
  func willAnswer(_ status: Int) {
    if isAnswered { return }
    isAnswered = true
    server.audit(self, status: status)
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
