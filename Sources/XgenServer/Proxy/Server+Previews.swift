internal import Reactor

/// From a request on a preview's name to its answer. All in the handler's call: no task.
extension Server {
  func servePreview(_ exchange: HTTPExchange, _ match: PreviewDomain.Match) {
    exchange.onFinish = { [metrics] status, byteCount in
      metrics.previews.record(status: status, byteCount: byteCount)
    }
    var refreshes = false
    do throws(APIError) {
      guard case .preview(let host) = match else {
        throw .notFound("there is no preview of this name: they are sbx-{id}-{port}")
      }
      try checkPreview(exchange.head, isEncrypted: exchange.isEncrypted)
      let sandbox = try previewed(host.id)
      let client = PreviewClient(
        exchange.head, peer: exchange.peer.flatMap { IPAddress($0) },
        isEncrypted: exchange.isEncrypted || addresses.previewsAreHTTPS, trusting: proxies)
      let gate = PreviewGate(tokens: tokens, signer: previewSigner, now: clock.nowMs() / 1000)
      let verdict = try gate.judge(
        exchange.head, host, sandbox.record.previews.access, sandbox.record,
        isHTTPS: client.isHTTPS)
      switch verdict {
      case .redirect(let query, let setCookie):
        return PreviewAnswer.redirect(
          exchange, of: self, query: query, setCookie: setCookie, isHTTPS: client.isHTTPS)
      case .pass(let pass):
        refreshes = sandbox.status == .starting
        try checkReady(sandbox)
        if isLastHop(exchange.head) { return exchange.respond(204) }
        try forward(exchange, host, sandbox, client, pass)
      }
    } catch {
      if let failure = error.authFailure { metrics.recordAuthFailure(failure) }
      PreviewAnswer.send(error, to: exchange, of: self, refreshes: refreshes)
    }
  }

  private func checkPreview(
    _ head: HTTPRequestHead, isEncrypted: Bool
  ) throws(APIError) {
    if !isEncrypted && head.targetIsHTTPS {
      throw .misdirected("an https URL is asked for over a connection without TLS")
    }
    // A tunnel's end would be the client's choice; TRACE would tell a page's script what it may
    // not read.
    if head.method == .connect || head.method == .trace {
      throw .methodNotAllowed("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")
    }
  }

  /// Throws for one that never was or has ended.
  private func previewed(_ id: String) throws(APIError) -> Sandbox {
    if let sandbox = catalog.live[id] {
      if let stone = sandbox.ending { throw .sandboxEnded(stone) }
      return sandbox
    }
    guard let stone = catalog.ledger.end(of: id) else { throw .sandboxNotFound(id) }
    throw .sandboxEnded(stone)
  }

  private func checkReady(_ sandbox: Sandbox) throws(APIError) {
    switch sandbox.status {
    case .running: return
    case .starting: throw .sandboxNotReady("the sandbox is still starting")
    case .error, .stopping, .stopped: throw .sandboxUnreachable("the sandbox is broken")
    }
  }

  /// An OPTIONS that may go no further is ours to answer (RFC 9110 §7.6.2).
  private func isLastHop(_ head: HTTPRequestHead) -> Bool {
    head.method == .options && head.headers["max-forwards"] == "0"
  }

  private func forward(
    _ exchange: HTTPExchange, _ host: PreviewHost, _ sandbox: Sandbox, _ client: PreviewClient,
    _ pass: PreviewPass
  ) throws(APIError) {
    if host.port == catalog.backend.sidecarPort {
      throw .notFound("port \(host.port) is not the sandbox's own")
    }
    try previews.begin(in: sandbox)
    let request = PreviewRequest(self, sandbox, host, client, pass)
    let upstream = previews.upstream(host.port, in: sandbox, by: sidecars)
    let proxied = HTTPProxyExchange(exchange, to: upstream, of: previews.pool, request)
    if pass.holder != nil {
      request.exchange = proxied
      sandbox.previews.granted[ObjectIdentifier(request)] = request
    }
    proxied.start()
  }
}
