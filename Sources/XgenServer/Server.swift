internal import Glibc
internal import Logging
internal import Reactor

/// The composition root: everything that serves, made in one place and handed to who needs it.
@LoopActor
final class Server {
  nonisolated static let jsonType = HTTPField(fixed: "Content-Type", "application/json")

  let settings: Settings
  let catalog: Catalog
  let sidecars: SidecarClient
  let metrics: Metrics
  let log: Logger
  private let certificate: ServerCertificate?
  private(set) var addresses: PublicAddresses
  private(set) var authorizer: Authorizer
  private var rateLimiter: RateLimiter
  private var http: HTTPServer!
  private let router = Router.api

  var tokens: TokenIssuer { authorizer.tokens }

  /// Clients' connections that are open, WebSockets included.
  var connectionCount: Int { http.connectionCount }

  init(
    settings: Settings, tokens: TokenIssuer, backend: any SandboxBackend, log: Logger,
    certificate: ServerCertificate? = nil, clock: Clock = .system,
    timeouts: SidecarTimeouts = SidecarTimeouts()
  ) {
    self.certificate = certificate
    self.settings = settings
    self.log = log
    metrics = Metrics()
    sidecars = SidecarClient(backend: backend, timeouts: timeouts)
    catalog = Catalog(
      backend: backend, sidecars: sidecars, metrics: metrics, log: log, clock: clock,
      maxSandboxes: settings.maxSandboxes)
    authorizer = Authorizer(tokens: tokens) { clock.nowMs() / 1000 }
    rateLimiter = RateLimiter(perMinute: settings.rateLimitPerMinute)
    addresses = PublicAddresses(externalURL: "", previewDomain: "preview.localhost")
  }

  /// Adopts sandboxes, then listens; returns the addresses that were bound.
  func start() async throws(ServerError) -> [SocketAddress] {
    do throws(BackendError) { try await catalog.start() } catch {
      switch error {
      case .unavailable(let reason), .failed(let reason): throw ServerError(reason)
      case .unknownSandbox: throw ServerError("the backend did not start")
      }
    }
    http = HTTPServer(
      loop: LoopActor.loop, limits: settings.connectionLimits, refusal: Self.refusal
    ) { [unowned self] in serve($0) }
    var bound: [SocketAddress] = []
    for address in settings.listen { if let one = try listen(address) { bound.append(one) } }
    guard let first = bound.first else { throw ServerError("no address to listen at") }
    addresses = publicAddresses(first)
    return bound
  }

  private func listen(_ address: SocketAddress) throws(ServerError) -> SocketAddress? {
    do throws(UVError) { return try http.listen(at: address, tls: tlsProvider()) } catch {
      // A machine without IPv6 still serves the default's other half.
      if case .ipv6 = address, address.isLoopback, settings.listen.count > 1 { return nil }
      throw ServerError("can't listen at \(address): \(error)")
    }
  }

  private func tlsProvider() -> HTTPServer.TLSProvider? {
    guard let certificate else { return nil }
    return { certificate.context }
  }

  private func publicAddresses(_ bound: SocketAddress) -> PublicAddresses {
    let port = bound.port ?? 80
    return PublicAddresses(
      externalURL: settings.externalURL ?? "\(settings.scheme)://localhost:\(port)",
      previewDomain: settings.previewDomain ?? "preview.localhost:\(port)",
      isEncrypted: certificate != nil)
  }

  /// Ends sandboxes and connections; returns when nothing is left.
  func shutDown() async {
    let drained = Task { @LoopActor in
      await withCheckedContinuation { done in http.close { done.resume() } }
    }
    await catalog.shutDown()
    let deadline = LoopActor.loop.after(ms: 2_000) { [unowned self] in http.abort() }
    await drained.value
    deadline.cancel()
  }

  // MARK: A request

  private func serve(_ exchange: HTTPExchange) {
    let id = RequestID.of(exchange.head)
    let startMs = LoopActor.loop.nowMs
    var path = Metrics.unmatchedPath
    exchange.onFinish = { [unowned self] status, _ in
      finished(exchange.head.method.name, path, status, startMs, id)
    }
    do throws(APIError) {
      let (route, parameters, query) = try self.route(exchange)
      path = route.template
      let principal = try admit(exchange, route, query)
      let request = APIRequest(
        exchange, route, parameters, query, id: id, principal: principal,
        maxBodyBytes: settings.connectionLimits.maxBodyBytes)
      LoopActor.task { await self.run(request) }
    } catch {
      answer(exchange, error, id)
    }
  }

  private func route(
    _ exchange: HTTPExchange
  ) throws(APIError) -> (Route, [String: String], HTTPQuery) {
    try checkHost(exchange)
    let target: HTTPTarget
    do throws(HTTPParseError) { target = try exchange.head.decodedTarget() } catch {
      throw .refusal(error.status, error.reason)
    }
    let method = exchange.head.method
    if method == .connect { throw .methodUnknown() }
    if case .other = method { throw .methodUnknown() }
    if method == .options, exchange.head.targetForm == .asterisk {
      throw .methodNotAllowed("GET, HEAD, POST, PUT, DELETE, OPTIONS")
    }
    switch router.match(method, target.segments) {
    case .found(let route, let parameters): return (route, parameters, target.query)
    case .methodNotAllowed(let allowed): throw .methodNotAllowed(allowed)
    case .notFound: throw .notFound("there is nothing at this path")
    }
  }

  /// The API is not served under preview names, whose pages are the sandboxes' own; and `--dev`
  /// answers to local names only, so that no web page reaches it by DNS rebinding.
  private func checkHost(_ exchange: HTTPExchange) throws(APIError) {
    // Who asks for https over anything else was led astray (RFC 9110 §7.4).
    if !exchange.isEncrypted && exchange.head.targetIsHTTPS {
      throw .misdirected("an https URL is asked for over a connection without TLS")
    }
    let host = exchange.head.authority ?? ""
    if addresses.isPreview(host: host) { throw .notFound("previews are not served yet") }
    guard settings.isDevelopment else { return }
    let name = host.hasPrefix("[") ? host.prefix { $0 != "]" } + "]" : host.prefix { $0 != ":" }
    if !["localhost", "127.0.0.1", "[::1]"].contains(name.lowercased()) {
      throw .forbidden("with --dev only Host localhost, 127.0.0.1 or [::1] is answered")
    }
  }

  private func admit(
    _ exchange: HTTPExchange, _ route: Route, _ query: HTTPQuery
  ) throws(APIError) -> Principal? {
    let peer = "address \(exchange.peer?.host ?? "local")"
    do throws(APIError) {
      let principal = try authorizer.authorize(exchange.head, route, query)
      if route.isRateLimited { try limit(principal.map { "key \($0.name)" } ?? peer) }
      return principal
    } catch {
      if error.status == 401 { try limit(peer) }
      throw error
    }
  }

  private func limit(_ client: String) throws(APIError) {
    guard let seconds = rateLimiter.take(client, nowMs: LoopActor.loop.nowMs) else { return }
    throw .quotaExceeded(
      "over \(settings.rateLimitPerMinute) requests a minute", retryAfterSeconds: seconds)
  }

  private func run(_ request: APIRequest) async {
    do throws(APIError) {
      answer(request.exchange, try await request.route.endpoint(self, request), request.id)
    } catch {
      answer(request.exchange, error, request.id)
    }
  }

  // MARK: An answer

  private func answer(_ exchange: HTTPExchange, _ response: APIResponse, _ id: String) {
    let idField = RequestID.field(id)
    switch response {
    case .json(let status, let body):
      exchange.respond(status, [Self.jsonType, idField], body: body)
    case .text(let status, let text, let contentType):
      let type = HTTPField(fixed: "Content-Type", contentType)
      exchange.respond(status, [type, idField], body: Array(text.utf8))
    case .empty(let status): exchange.respond(status, [idField])
    case .takenOver: break
    }
  }

  private func answer(_ exchange: HTTPExchange, _ error: APIError, _ id: String) {
    let fields = [Self.jsonType, RequestID.field(id)] + error.fields
    if error.status == 405, exchange.head.method == .options {
      exchange.respond(204, [RequestID.field(id)] + error.fields)
    } else {
      exchange.respond(error.status, fields, body: error.body)
    }
  }

  private func finished(
    _ method: String, _ path: String, _ status: Int, _ startMs: UInt64, _ id: String
  ) {
    let elapsedMs = LoopActor.loop.nowMs - startMs
    metrics.recordRequest(
      method: method, path: path, status: status, seconds: Double(elapsedMs) / 1000)
    log.debug(
      "request",
      metadata: [
        "method": "\(method)", "path": "\(path)", "status": "\(status)", "ms": "\(elapsedMs)",
        "request_id": "\(id)",
      ])
  }

  /// What the protocol layer refuses, in the API's shape.
  private nonisolated static func refusal(_ status: Int, _ reason: String) -> HTTPAnswer {
    HTTPAnswer(
      status: status, fields: [jsonType, RequestID.field(RequestID.random())],
      body: APIError.refusal(status, reason).body)
  }
}

/// Why the server could not start; the text says what to do.
struct ServerError: Error, Sendable, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
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
