internal import Glibc
internal import Logging
internal import Reactor
internal import ReactorTLS

/// The composition root: everything that serves, made in one place and handed to who needs it.
@LoopActor
final class Server {
  let settings: Settings
  let catalog: Catalog
  let sidecars: SidecarClient
  let metrics: Metrics
  /// For what blocks.
  let workers: WorkerPool
  /// Of those who render large answers on workers.
  let renderingTurns = Turns()
  let log: Logger
  /// Each request has a line; asked once, since asking costs each request more than its counting.
  let logsRequests: Bool
  let events: EventHub
  /// Nil where no audit log is kept.
  let audit: AuditLog?
  let clock: Clock
  /// Unix time.
  let startedAtMs: Int64
  /// From which ids of sandboxes are derived that have an Idempotency-Key.
  let idempotencySecret: [UInt8]
  private let desktopPasswords: DesktopPasswords
  private let certificate: ServerCertificate?
  private let loopLag: LoopLag
  private(set) var addresses: PublicAddresses
  let authorizer: Authorizer
  var requestIDs = RequestIDSource()
  /// Two tables, so that a crowd of addresses takes no key's place.
  var keyLimiter: RateLimiter
  var addressLimiter: RateLimiter
  let proxies: ForwardedFor
  let cors: CORSPolicy
  private var http: HTTPServer!
  let router = Router.api
  let previews: Previews
  let previewSigner: PreviewSigner
  var recentHosts: RecentHosts

  var tokens: TokenIssuer { authorizer.tokens }

  /// Clients' connections that are open, WebSockets included.
  var connectionCount: Int { http.connectionCount }

  init(
    settings: Settings, tokens: TokenIssuer, backend: any SandboxBackend, workers: WorkerPool,
    log: Logger, certificate: ServerCertificate? = nil, audit: AuditLog? = nil,
    clock: Clock = .system, timeouts: SidecarTimeouts = SidecarTimeouts(), ledger: Ledger? = nil
  ) {
    self.certificate = certificate
    self.settings = settings
    self.log = log
    logsRequests = log.logLevel <= .debug
    self.workers = workers
    self.audit = audit
    self.clock = clock
    startedAtMs = clock.nowMs()
    events = EventHub(epoch: startedAtMs)
    metrics = Metrics()
    loopLag = LoopLag(metrics)
    sidecars = SidecarClient(backend: backend, timeouts: timeouts)
    catalog = Catalog(
      backend: backend, sidecars: sidecars, metrics: metrics, log: log, clock: clock,
      maxSandboxes: settings.maxSandboxes, ledger: ledger ?? Ledger(log: log))
    idempotencySecret = tokens.derivedSecret(for: "sandbox ids of Idempotency-Keys")
    desktopPasswords = DesktopPasswords(tokens)
    authorizer = Authorizer(tokens: tokens) { clock.nowMs() / 1000 }
    keyLimiter = RateLimiter(perMinute: settings.rateLimitPerMinute)
    addressLimiter = RateLimiter(perMinute: settings.rateLimitPerMinute)
    proxies = ForwardedFor(trusted: settings.trustedProxies)
    cors = CORSPolicy(origins: settings.corsOrigins)
    addresses = PublicAddresses(externalURL: "", previewDomain: "preview.localhost")
    recentHosts = RecentHosts(PreviewDomain(addresses.previewDomain))
    previewSigner = PreviewSigner(tokens)
    previews = Previews(loop: LoopActor.loop, maxConnections: settings.maxPreviewConnections)
    catalog.onRelease = { [previews] in previews.forget($0) }
  }

  /// What the caller, if it may run commands there, needs to see the sandbox's desktop.
  func desktopPassword(of sandbox: SandboxRecord, for caller: Principal) -> String? {
    guard sandbox.gui, caller.permissions.contains(.sandboxExec) else { return nil }
    return desktopPasswords[sandbox.id]
  }

  /// Adopts sandboxes, then listens; returns the addresses that were bound.
  func start() async throws(ServerError) -> [SocketAddress] {
    catalog.onChange = { [events] in events.publish($0) }
    do throws(BackendError) { try await catalog.start() } catch {
      throw ServerError(error.reason)
    }
    http = HTTPServer(
      loop: LoopActor.loop, limits: settings.connectionLimits, refusal: Self.refusal
    ) { [unowned self] in serve($0) }
    var bound: [SocketAddress] = []
    for address in settings.listen { if let one = try listen(address) { bound.append(one) } }
    guard let first = bound.first else { throw ServerError("no address to listen at") }
    addresses = publicAddresses(first)
    recentHosts = RecentHosts(PreviewDomain(addresses.previewDomain))
    loopLag.start()
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
    return TLSStream.provider { certificate.context }
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
    events.close()
    previews.close()
    let deadline = LoopActor.loop.after(ms: 2_000) { [unowned self] in http.abort() }
    await drained.value
    deadline.cancel()
    loopLag.stop()
    await audit?.close()
  }
}

/// Why the server could not start; the text says what to do.
struct ServerError: Error, Sendable, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}
