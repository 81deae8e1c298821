internal import Logging
internal import Reactor

/// From a request to its answer.
extension Server {
  func serve(_ exchange: HTTPExchange) {
    let context = RequestContext(exchange)
    context.onAnswer = { [unowned self, unowned context] in audit(context, status: $0) }
    exchange.onFinish = { [unowned self] status, _ in finished(context, status) }
    do throws(APIError) {
      let (route, parameters, query) = try self.route(exchange)
      context.path = route.template
      context.sandboxID = parameters["id"]
      try admit(context, route, query)
      let request = APIRequest(
        context, route, parameters, query, maxBodyBytes: settings.connectionLimits.maxBodyBytes)
      LoopActor.task { await self.run(request) }
    } catch {
      refuse(context, error)
    }
  }

  private func refuse(_ context: RequestContext, _ error: APIError) {
    if let failure = error.authFailure { metrics.recordAuthFailure(failure) }
    context.answer(error)
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
    if method == .connect || !method.isRegistered { throw .methodUnknown() }
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

  /// Says who asks, as far as that is known, also of what is refused.
  private func admit(
    _ context: RequestContext, _ route: Route, _ query: HTTPQuery
  ) throws(APIError) {
    let peer = "address \(context.peerHost)"
    do throws(APIError) {
      let principal = try authorizer.identify(context.exchange.head, route, query)
      context.principal = principal
      try authorizer.check(principal, route)
      if route.isRateLimited { try limit(principal.map { "key \($0.name)" } ?? peer) }
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
      request.context.answer(try await request.route.endpoint(self, request))
    } catch {
      refuse(request.context, error)
    }
  }

  private func finished(_ context: RequestContext, _ status: Int) {
    // Without a status the peer went first; what the endpoint then answers is told all the same.
    if status != 0 { context.willAnswer(status) }
    let elapsedMs = LoopActor.loop.nowMs - context.startedMs
    let method = context.exchange.head.method.name
    metrics.recordRequest(
      method: method, path: context.path, status: status, seconds: Double(elapsedMs) / 1000)
    log.debug(
      "request",
      metadata: [
        "method": "\(method)", "path": "\(context.path)", "status": "\(status)",
        "ms": "\(elapsedMs)", "request_id": "\(context.id)",
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
