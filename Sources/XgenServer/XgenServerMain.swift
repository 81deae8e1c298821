internal import CLinux
internal import Glibc
internal import Logging
internal import Reactor

/// What the executable does: settings, start, banner, signals, end.
public enum XgenServerMain {
  /// Runs the server until SIGTERM or SIGINT. Exit code 0, 1 (did not start), 2 (bad settings).
  public static func run() -> Never {
    let settings: Settings
    do throws(SettingError) {
      switch try Settings.parse(
        arguments: Array(CommandLine.arguments.dropFirst()), environment: environment())
      {
      case .help: leave(0, Settings.help)
      case .version: leave(0, "xgen-server \(Settings.version)\n")
      case .openAPI: leave(0, String(decoding: OpenAPIDocument.bytes, as: UTF8.self) + "\n")
      case .serve(let parsed): settings = parsed
      }
    } catch {
      leave(2, "xgen-server: \(error)\n")
    }
    serve(settings)
  }

  private static func serve(_ settings: Settings) -> Never {
    signal(SIGHUP, SIG_IGN)  // until there is something to reload
    do {
      let start = try ServerStart(settings)
      let loop = try LoopActor.bind()
      LoopActor.task { await Lifetime(start).run() }
      loop.run()
      exit(0)
    } catch {
      leave(1, "xgen-server: \(error)\n")
    }
  }

  private static func environment() -> [String: String] {
    var found: [String: String] = [:]
    for setting in Settings.all {
      guard let name = setting.variable, let value = getenv(name) else { continue }
      found[name] = String(cString: value)
    }
    return found
  }

  static func leave(_ code: Int32, _ text: String) -> Never {
    (code == 0 ? StandardStream.output : .error).write(text)
    exit(code)
  }
}

/// What is read from files before the loop runs.
struct ServerStart: Sendable {
  let settings: Settings
  let dataDirectory: String
  let keys: APIKeySource
  let tokens: TokenIssuer
  let audit: AuditSink?
  let certificate: LoadedCertificate?
  /// Of `--backend kubernetes` only.
  let kubernetes: KubernetesStart?
  let log: Logger
  /// How the banner tells where the key is.
  let keyHint: (text: String, shell: String)

  /// Files that are not connections: listeners, sandboxes' watches, logs.
  private static let reservedFiles = 1_024

  init(_ given: Settings) throws {
    let settings = Self.fitting(given)
    self.settings = settings
    dataDirectory = settings.dataDirectory ?? Self.defaultDataDirectory()
    log = Logger(label: "xgen") { _ in
      StderrLogHandler(isJSON: settings.logsJSON, logLevel: settings.logLevel)
    }
    certificate = try settings.tlsFiles.map { try LoadedCertificate($0) }
    kubernetes = settings.backend == .kubernetes ? try KubernetesStart(settings) : nil
    try Self.makeDirectories(dataDirectory)
    let secret = try settings.jwtSecret ?? Secrets.load("\(dataDirectory)/jwt-secret")
    (keys, keyHint) = Self.keys(settings, dataDirectory)
    audit = try settings.auditLog.open(in: dataDirectory, fileBytes: settings.auditFileBytes)
    guard let tokens = TokenIssuer(secret: Array(secret.utf8), keys: try keys.load()) else {
      throw ServerError(
        "\(dataDirectory)/jwt-secret is too short; remove it to have a new one made")
    }
    self.tokens = tokens
  }

  /// A connection is a file, a relayed WebSocket two; what the system allows bounds them.
  private static func fitting(_ given: Settings) -> Settings {
    var settings = given
    let files = Int(xgen_raise_nofile())
    settings.maxPreviewConnections = min(settings.maxPreviewConnections, max(16, files / 8))
    let most = max(64, files - reservedFiles - settings.maxPreviewConnections)
    let wanted = settings.connectionLimits.maxConnections
    settings.connectionLimits.maxConnections = min(wanted, most)
    settings.connectionLimits.upgradedWeight = 2
    return settings
  }

  private static func defaultDataDirectory() -> String {
    if geteuid() == 0 { return "/var/lib/xgen" }
    let home = getenv("HOME").map { String(cString: $0) } ?? "/tmp"
    return "\(home)/.local/share/xgen"
  }

  /// 0711: sandboxes' users pass through, but see nothing.
  private static func makeDirectories(_ path: String) throws(ServerError) {
    var made = ""
    for part in path.split(separator: "/") {
      made += "/\(part)"
      if mkdir(made, 0o711) < 0 && errno != EEXIST {
        throw ServerError("can't make \(made): \(String(cString: strerror(errno))); use --data-dir")
      }
    }
  }

  private static func keys(
    _ settings: Settings, _ dataDirectory: String
  ) -> (APIKeySource, (text: String, shell: String)) {
    let file = settings.apiKeysFile
    if let key = settings.apiKey {
      return (
        APIKeySource(file: file, adminKey: .given(key)), ("the one in API_KEY", "$API_KEY")
      )
    }
    if settings.isDevelopment {
      let key = "xgen_dev_key"
      return (
        APIKeySource(file: file, adminKey: .given(key)), ("\(key) (development only)", key)
      )
    }
    if let file {
      return (APIKeySource(file: file, adminKey: .none), ("those of \(file)", "<key>"))
    }
    let path = "\(dataDirectory)/api-key"
    return (
      APIKeySource(file: nil, adminKey: .stored(path: path)), ("cat \(path)", "$(cat \(path))")
    )
  }
}

/// The server from its start to its end, on the loop.
@LoopActor
private final class Lifetime {
  private let start: ServerStart
  private var signals: [SignalWatch] = []
  private var ending: CheckedContinuation<Void, Never>?
  private var hasEnded = false

  init(_ start: ServerStart) { self.start = start }

  func run() async {
    // From the first moment, so that no sandbox is left by an early Ctrl-C.
    for number in [SIGTERM, SIGINT] {
      if let watch = try? SignalWatch(loop: LoopActor.loop, signal: number, { [self] in end() }) {
        signals.append(watch)
      }
    }
    let (server, reload) = makeServer()
    if let watch = try? SignalWatch(
      loop: LoopActor.loop, signal: SIGHUP, { LoopActor.task { await reload.run() } })
    {
      signals.append(watch)
    }
    do throws(ServerError) {
      let bound = try await server.start()
      Banner.print(start, server.addresses, bound)
    } catch {
      XgenServerMain.leave(1, "xgen-server: \(error)\n")
    }
    await untilEnded()
    start.log.info("shutting down")
    await server.shutDown()
    start.log.info("ended")
    exit(0)
  }

  private func makeServer() -> (Server, Reload) {
    let log = start.log
    let workers = WorkerPool(loop: LoopActor.loop, maxThreads: 8)
    let backend = makeBackend(workers)
    let certificate = start.certificate.map {
      ServerCertificate($0, workers: workers, log: log)
    }
    let server = Server(
      settings: start.settings, tokens: start.tokens, backend: backend, workers: workers, log: log,
      certificate: certificate,
      audit: start.audit.map { AuditLog($0, workers: workers, log: log) },
      ledger: Ledger(storage: ledgerStorage(workers), log: log))
    let reload = Reload(
      keys: start.keys, certificate: certificate, server: server, workers: workers, log: log)
    return (server, reload)
  }

  private func makeBackend(_ workers: WorkerPool) -> any SandboxBackend {
    if let kubernetes = start.kubernetes {
      return kubernetes.backend(tokens: start.tokens, log: start.log)
    }
    if start.settings.backend == .static {
      return StaticBackend(
        start.settings.staticSidecars, dataDirectory: start.dataDirectory, workers: workers)
    }
    return LocalBackend(
      localConfiguration(), workers: workers, desktops: DesktopPasswords(start.tokens),
      logger: start.log)
  }

  /// On Kubernetes the cluster holds what the ledger's file holds elsewhere.
  private func ledgerStorage(_ workers: WorkerPool) -> Ledger.Storage? {
    if start.kubernetes != nil { return nil }
    let file = LedgerFile(path: "\(start.dataDirectory)/ledger.jsonl")
    return Ledger.Storage(file: file, workers: workers)
  }

  private func localConfiguration() -> LocalConfiguration {
    var local = LocalConfiguration(
      dataDirectory: start.dataDirectory, sidecarPath: start.settings.sidecarPath ?? besideUs())
    local.uidRange = start.settings.uidRange
    local.limits.resources = start.settings.defaultResources
    local.cgroupParent = start.settings.cgroupParent
    local.network = start.settings.localNetwork
    local.resolvers = start.settings.localResolvers
    return local
  }

  private func besideUs() -> String {
    let path = withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(PATH_MAX)) { text in
      let count = readlink("/proc/self/exe", text.baseAddress!, Int(PATH_MAX) - 1)
      text[max(0, count)] = 0
      return String(cString: text.baseAddress!)
    }
    let folder = path.split(separator: "/").dropLast().joined(separator: "/")
    return "/\(folder)/xgen-sidecar"
  }

  /// A second signal ends the process at once; sandboxes are then found by the next start.
  private func end() {
    if hasEnded { exit(1) }
    hasEnded = true
    ending?.resume()
    ending = nil
  }

  private func untilEnded() async {
    if hasEnded { return }
    await withCheckedContinuation { ending = $0 }
  }
}

/// What a person sees at the start, on stdout.
private enum Banner {
  static func print(_ start: ServerStart, _ addresses: PublicAddresses, _ bound: [SocketAddress]) {
    let urls = bound.map { "\(start.settings.scheme)://\($0)" }
    var lines = [
      "xgen-server \(Settings.version) is listening on \(urls.joined(separator: " and "))"
    ]
    let sandbox = sandbox(start)
    lines += [
      "  backend   \(sandbox.what)",
      "  data      \(start.dataDirectory)",
      "  API key   \(start.keyHint.text)",
      "  \(sandbox.connected)",
      "  try       curl -s \(urls[0])/api/v1/sandboxes \\",
      "              -H 'Content-Type: application/json' \\",
      "              -H \"Authorization: ApiKey \(start.keyHint.shell)\" -d '{\"template\":\"python\"}'",
      "  stop      \(stop(start.settings.backend))",
    ]
    StandardStream.output.write(lines.joined(separator: "\n") + "\n")
  }

  /// What a sandbox is, and what it is connected to.
  private static func sandbox(_ start: ServerStart) -> (what: String, connected: String) {
    let settings = start.settings
    switch settings.backend {
    case .kubernetes:
      return (
        "kubernetes: each sandbox is a pod in namespace \(settings.kubernetes.namespace)",
        "cluster   \(start.kubernetes?.cluster ?? "")"
      )
    case .local:
      return (
        "local: each sandbox is an isolated process tree (bubblewrap)",
        settings.localNetwork == .none
          ? "network   none inside sandboxes but their own loopback: a name lookup there fails"
          : "network   sandboxes reach the internet, not this host, nor private networks"
      )
    case .static:
      return (
        "static: each sandbox is a sidecar that runs elsewhere; none is kept over a restart",
        "sidecars  \(settings.staticSidecars.map(\.description).joined(separator: ", "))"
      )
    }
  }

  private static func stop(_ backend: BackendKind) -> String {
    switch backend {
    case .local: "Ctrl-C ends the server and every sandbox"
    case .kubernetes: "Ctrl-C ends this server; sandboxes go on"
    case .static: "Ctrl-C ends the server, which forgets its sandboxes; sidecars go on"
    }
  }
}
