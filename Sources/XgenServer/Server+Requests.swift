internal import Logging
internal import Reactor

/// From a request to its answer.
extension Server {
  func serve(_ exchange: HTTPExchange) {
    let match = exchange.head.withAuthority { recentHosts.match($0) }
    if match != .elsewhere { return servePreview(exchange, match) }
    let context = RequestContext(exchange, self)
    if cors.origins != .none { context.fields += cors.fields(for: exchange.head) }
    exchange.onFinish = { [unowned self] status, _ in finished(context, status) }
    do throws(APIError) {
      guard let (route, parameters, query) = try self.route(context) else { return }
      context.route = route
      context.sandboxID = parameters["id"]
      try admit(context, route, query)
      let request = APIRequest(
        context, route, parameters, query, maxBodyBytes: settings.connectionLimits.maxBodyBytes)
      switch route.endpoint {
      case .synchronous(let endpoint): answered(request, try endpoint(self, request))
      case .asynchronous(let endpoint):
        answerLater(request) { () throws(APIError) in try await endpoint(self, request) }
      }
    } catch {
      refuse(context, error)
    }
  }

  private func refuse(_ context: RequestContext, _ error: APIError) {
    if let failure = error.authFailure { metrics.recordAuthFailure(failure) }
    context.answer(error)
  }

  /// Nil for a preflight, which is answered.
  private func route(
    _ context: RequestContext
  ) throws(APIError) -> (Route, PathParameters, HTTPQuery)? {
    let exchange = context.exchange
    try checkHost(exchange)
    let target: HTTPTarget
    do throws(HTTPParseError) { target = try exchange.head.decodedTarget() } catch {
      throw .refusal(error.status, error.reason)
    }
    let method = exchange.head.method
    if method == .connect || !method.isRegistered { throw .methodUnknown() }
    if method == .options, exchange.head.targetForm == .asterisk {
      throw .methodNotAllowed("GET, HEAD, POST, PUT, DELETE, OPTIONS")
    }
    switch router.match(method, target.segments) {
    case .found(let route, let parameters): return (route, parameters, target.query)
    case .methodNotAllowed(let allowed):
      if let fields = cors.preflight(exchange.head, methods: allowed) {
        context.answer(.empty(204, fields))
        return nil
      }
      try count(context)
      throw .methodNotAllowed(allowed)
    case .notFound:
      try count(context)
      throw .notFound("there is nothing at this path")
    }
  }

  /// `--dev` answers to local names only, so that no web page reaches it by DNS rebinding.
  private func checkHost(_ exchange: HTTPExchange) throws(APIError) {
    // Who asks for https over anything else was led astray (RFC 9110 §7.4).
    if !exchange.isEncrypted && exchange.head.targetIsHTTPS {
      throw .misdirected("an https URL is asked for over a connection without TLS")
    }
    if settings.isDevelopment, !exchange.head.withAuthority(Self.isOfThisMachine) {
      throw .forbidden("with --dev only Host localhost, 127.0.0.1 or [::1] is answered")
    }
  }

  nonisolated private static func isOfThisMachine(_ host: UnsafeRawBufferPointer?) -> Bool {
    guard let host else { return false }
    let end: UInt8 = host.first == UInt8(ascii: "[") ? UInt8(ascii: "]") : UInt8(ascii: ":")
    var count = 0
    while count < host.count, host[count] != end { count += 1 }
    let name = UnsafeRawBufferPointer(rebasing: host[..<count])
    return name.spells("localhost") || name.spells("127.0.0.1") || name.spells("[::1")
  }

  /// Finds out who asks, counts the request, and checks that the route is theirs. Who asked is
  /// known then also of what is refused.
  private func admit(
    _ context: RequestContext, _ route: Route, _ query: HTTPQuery
  ) throws(APIError) {
    do throws(APIError) {
      context.principal = try authorizer.identify(context.exchange.head, route, query)
    } catch {
      try count(context)
      throw error
    }
    if route.isRateLimited { try count(context) }
    try authorizer.check(context.principal, route)
  }

  /// Counts a request for its client: the key's name, or before that is known the address.
  private func count(_ context: RequestContext) throws(APIError) {
    guard let state = take(context, nowMs: LoopActor.loop.nowMs) else { return }
    context.fields += state.fields
    guard let seconds = state.retryAfterSeconds else { return }
    context.isOverRateLimit = true
    throw .quotaExceeded("over \(state.limit) requests a minute", retryAfterSeconds: seconds)
  }

  private func take(_ context: RequestContext, nowMs: UInt64) -> RateState? {
    if let name = context.principal?.name {
      return keyLimiter.take(name, perMinute: authorizer.rateLimit(of: name), nowMs: nowMs)
    }
    if addressLimiter.isOff { return nil }
    let client = context.clientAddress.map { "\($0.network)" } ?? "local"
    return addressLimiter.take(client, nowMs: nowMs)
  }

  private func answerLater(_ request: APIRequest, _ rest: @escaping APIResponse.Rest) {
    LoopActor.task { await self.run(request, rest) }
  }

  private func run(_ request: APIRequest, _ rest: APIResponse.Rest) async {
    do throws(APIError) { answered(request, try await rest()) } catch {
      refuse(request.context, error)
    }
  }

  private func answered(_ request: APIRequest, _ response: APIResponse) {
    request.context.answer(response)
    switch response.body {
    // A request that broke off on the way has no answer, and is told all the same.
    case .takenOver: request.context.willAnswer(0)
    case .later(let rest): answerLater(request, rest)
    case .none, .bytes: break
    }
  }

  private func finished(_ context: RequestContext, _ status: Int) {
    // Without a status the peer went first: the endpoint's end tells.
    if status != 0 { context.willAnswer(status) }
    let elapsedMs = LoopActor.loop.nowMs - context.startedMs
    metrics.recordRequest(
      method: context.exchange.head.method, path: context.path, status: status,
      seconds: Double(elapsedMs) / 1000)
    if logsRequests { logRequest(context, status, elapsedMs) }
  }

  private func logRequest(_ context: RequestContext, _ status: Int, _ elapsedMs: UInt64) {
    log.debug(
      "request",
      metadata: [
        "method": "\(context.exchange.head.method.name)", "path": "\(context.path.text)",
        "status": "\(status)", "ms": "\(elapsedMs)", "request_id": "\(context.id)",
        "subject": "\(context.principal?.name ?? "-")",
      ])
  }

  /// What the protocol layer refuses, in the API's shape.
  nonisolated static func refusal(_ status: Int, _ reason: String) -> HTTPAnswer {
    HTTPAnswer(
      status: status, fields: [APIResponse.jsonType, RequestID.field(RequestID.random())],
      body: APIError.refusal(status, reason).body)
  }
}
