internal import Glibc
internal import Logging
internal import Reactor
internal import ReactorTLS

/// Where sandboxes run.
enum BackendKind: String, Sendable {
  case local, `static`, kubernetes
}

/// What an operator can set. `Settings.all` is the one list: flags, variables, help and readers.
struct Settings: Sendable {
  static let version = "0.1.0"

  var listen: [SocketAddress] = []
  var dataDirectory: String?
  var backend = BackendKind.local
  var staticSidecars: [SocketAddress] = []
  var isDevelopment = false
  var logsJSON = false
  var logLevel = Logger.Level.info
  var tlsCertificateFile: String?
  var tlsKeyFile: String?
  var apiKeysFile: String?
  var apiKey: String?
  var jwtSecret: String?
  var previewDomain: String?
  var externalURL: String?
  var webSocketOrigins = WebSocketOriginPolicy.any
  var defaultTimeoutSeconds = 3600
  var maxTimeoutSeconds = 86_400
  var rateLimitPerMinute = 120
  var trustedProxies: [CIDR] = []
  var corsOrigins = CORSPolicy.Origins.none
  var maxSandboxes = 512
  var uidRange: Range<UInt32> = 200_000..<265_536
  var defaultResources = LocalLimits().resources
  var cgroupParent: String?
  var localNetwork = SandboxNetwork.none
  var localResolvers: [IPAddress] = []
  var sidecarPath: String?
  var auditLog = AuditTarget.dataFolder
  var auditFileBytes = AuditLimits.defaultFileBytes
  var connectionLimits = HTTPServerLimits()
  var maxPreviewConnections = Limits.maxPreviewConnections
  var previewAccess = PreviewAccess.public
  var kubeconfigFile: String?
  var kubeContext: String?
  var kubernetes = KubernetesOptions()

  static let all: [Setting] = [
    Setting(
      "--listen", "AGENT_LISTEN_ADDR", "ADDR:PORT[,…]",
      "where to listen; port 0 takes a free one (127.0.0.1:8080,[::1]:8080; kubernetes: :8080)"
    ) { settings, text throws(SettingError) in
      settings.listen = try addresses(text)
    },
    Setting(
      "--data-dir", "XGEN_DATA_DIR", "DIR",
      "state of sandboxes and secrets (/var/lib/xgen as root, else ~/.local/share/xgen)"
    ) { settings, text throws(SettingError) in
      guard text.hasPrefix("/"), !text.utf8.contains(0) else {
        throw SettingError(name: "--data-dir", problem: "'\(text)' is not an absolute path")
      }
      settings.dataDirectory =
        text.count > 1 && text.hasSuffix("/") ? String(text.dropLast()) : text
    },
    Setting(
      "--backend", "XGEN_BACKEND", "local|kubernetes|static",
      "where sandboxes run: on this host, as pods, or at --static-sidecar (local)"
    ) { settings, text throws(SettingError) in
      guard let backend = BackendKind(rawValue: text) else {
        throw SettingError(
          name: "--backend", problem: "'\(text)' is none of local, kubernetes, static")
      }
      settings.backend = backend
    },
    Setting(
      "--static-sidecar", "XGEN_STATIC_SIDECAR", "ADDR[,…]",
      "of --backend static: sidecars that run elsewhere, HOST:PORT or unix:PATH, one for each sandbox"
        + "\n      in turn; only their /ws is used, and no sandbox is kept over a restart"
    ) { settings, text throws(SettingError) in
      settings.staticSidecars = try SettingValue.sidecars("--static-sidecar", text)
    },
    Setting(
      "--dev", nil, nil,
      "development: accept the key xgen_dev_key, listen and answer on loopback only"
    ) { settings, _ throws(SettingError) in
      settings.isDevelopment = true
    },
    Setting(
      "--tls-cert", "XGEN_TLS_CERT", "FILE",
      "serve HTTPS and wss: the certificate and its chain in PEM, read again on SIGHUP"
    ) { settings, text throws(SettingError) in
      settings.tlsCertificateFile = text
    },
    Setting("--tls-key", "XGEN_TLS_KEY", "FILE", "the certificate's private key in PEM") {
      settings, text throws(SettingError) in
      settings.tlsKeyFile = text
    },
    Setting(
      "--api-keys", "XGEN_API_KEYS", "FILE",
      "JSON array of {name, key_sha256, role, permissions?, rate_limit?, max_sandboxes?}; SIGHUP: anew"
    ) { settings, text throws(SettingError) in
      settings.apiKeysFile = text
    },
    Setting(
      "--api-key", "API_KEY", "KEY",
      "one admin key; prefer the variable, since arguments show in ps"
    ) { settings, text throws(SettingError) in
      guard Credential.isToken(text) else {
        throw SettingError(
          name: "API_KEY", problem: "a key is letters, digits and -._~+/, not empty")
      }
      settings.apiKey = text
    },
    Setting(
      "--jwt-secret", "JWT_SECRET", "SECRET",
      "signs tokens, at least 32 bytes; unset: a random one, kept in the data folder (kubernetes:"
        + "\n      required, the same for every replica)"
    ) { settings, text throws(SettingError) in
      guard text.utf8.count >= TokenIssuer.minimumSecretLength else {
        throw SettingError(
          name: "JWT_SECRET",
          problem: "is shorter than \(TokenIssuer.minimumSecretLength) bytes")
      }
      settings.jwtSecret = text
    },
    Setting(
      "--preview-domain", "PREVIEW_DOMAIN", "DOMAIN[:PORT]",
      "under which previews are served (preview.localhost:PORT)"
    ) { settings, text throws(SettingError) in
      settings.previewDomain = try SettingValue.hostAndPort("--preview-domain", text)
    },
    Setting(
      "--preview-access", "PREVIEW_ACCESS", "public|private",
      "who may see previews of a sandbox that does not say so (public)"
    ) { settings, text throws(SettingError) in
      guard let access = PreviewAccess(rawValue: text) else {
        throw SettingError(
          name: "--preview-access", problem: "'\(text)' is neither public nor private")
      }
      settings.previewAccess = access
    },
    Setting(
      "--external-url", "AGENT_EXTERNAL_URL", "URL",
      "how clients reach this server (http:// or https://, and the address)"
    ) { settings, text throws(SettingError) in
      settings.externalURL = try SettingValue.url("--external-url", text)
    },
    Setting(
      "--ws-origin", "WS_ORIGINS", "ORIGIN[,…]",
      "web pages that may open WebSockets, besides the server's own origin (any)"
    ) { settings, text throws(SettingError) in
      settings.webSocketOrigins = try SettingValue.origins("--ws-origin", text)
    },
    Setting("--default-timeout", "DEFAULT_TIMEOUT", "TIME", "a sandbox's lifetime (1h)") {
      settings, text throws(SettingError) in
      settings.defaultTimeoutSeconds = try SettingValue.seconds("--default-timeout", text)
    },
    Setting("--max-timeout", "MAX_TIMEOUT", "TIME", "the longest lifetime (24h)") {
      settings, text throws(SettingError) in
      settings.maxTimeoutSeconds = try SettingValue.seconds("--max-timeout", text)
    },
    Setting(
      "--rate-limit-per-minute", "RATE_LIMIT_PER_MINUTE", "N",
      "API requests per client and minute; 0 turns it off (120)"
    ) { settings, text throws(SettingError) in
      settings.rateLimitPerMinute = try SettingValue.int(
        "--rate-limit-per-minute", text, 0...1_000_000)
    },
    Setting(
      "--trusted-proxy", "TRUSTED_PROXIES", "CIDR[,CIDR…]",
      "whose X-Forwarded-For is believed (nobody's)"
    ) { settings, text throws(SettingError) in
      settings.trustedProxies = try ForwardedFor.networks("--trusted-proxy", text)
    },
    Setting(
      "--cors-origin", "CORS_ORIGINS", "ORIGIN[,…]|*",
      "web pages that may use the API from a browser, such as https://app.example (none)"
    ) { settings, text throws(SettingError) in
      settings.corsOrigins = try CORSPolicy.Origins("--cors-origin", text)
    },
    Setting("--max-sandboxes", "MAX_SANDBOXES", "N", "sandboxes at once (512)") {
      settings, text throws(SettingError) in
      settings.maxSandboxes = try SettingValue.int("--max-sandboxes", text, 1...100_000)
    },
    Setting(
      "--default-resources", "DEFAULT_RESOURCES", "NAME=QUANTITY[,…]",
      "of a sandbox that asks for none (cpu=1000m,memory=1Gi,disk=2Gi)"
    ) { settings, text throws(SettingError) in
      try SettingValue.resources("--default-resources", text, into: &settings.defaultResources)
    },
    Setting(
      "--cgroup-parent", "XGEN_CGROUP_PARENT", "PATH|none",
      "cgroup below which sandboxes' are made (the server's own); none: use no cgroups"
    ) { settings, text throws(SettingError) in
      settings.cgroupParent = try SettingValue.cgroup("--cgroup-parent", text)
    },
    Setting(
      "--local-network", "XGEN_LOCAL_NETWORK", "none|internet",
      "of --backend local: what sandboxes reach unless they ask for less, and the most that one may"
        + "\n      have; internet needs passt and nftables, and refuses the host and private networks"
        + " (none)"
    ) { settings, text throws(SettingError) in
      settings.localNetwork = try SettingValue.network("--local-network", text)
    },
    Setting(
      "--local-dns", "XGEN_LOCAL_DNS", "ADDR[,…]",
      "of --local-network internet: name servers of sandboxes (the host's)"
    ) { settings, text throws(SettingError) in
      settings.localResolvers = try SettingValue.resolvers("--local-dns", text)
    },
    Setting(
      "--limit", "XGEN_LIMITS", "NAME=VALUE[,…]", "limits of client connections, by name:"
    ) { settings, text throws(SettingError) in
      try ConnectionLimits.apply(text, to: &settings.connectionLimits)
    },
    Setting(
      "--uid-range", "XGEN_UID_RANGE", "FIRST-LAST",
      "as root: host uids that sandboxes run as, one each (200000-265535)"
    ) { settings, text throws(SettingError) in
      settings.uidRange = try SettingValue.uidRange("--uid-range", text)
    },
    Setting(
      "--sidecar", "XGEN_SIDECAR", "FILE", "the xgen-sidecar program (beside this one)"
    ) { settings, text throws(SettingError) in
      settings.sidecarPath = text
    },
    Setting(
      "--kubeconfig", "KUBECONFIG", "FILE",
      "how to reach the cluster (in a pod: its service account; else ~/.kube/config)"
    ) { settings, text throws(SettingError) in
      settings.kubeconfigFile = text
    },
    Setting("--kube-context", "KUBE_CONTEXT", "NAME", "of the kubeconfig (its current-context)") {
      settings, text throws(SettingError) in
      settings.kubeContext = text
    },
    Setting(
      "--sandbox-namespace", "SANDBOX_NAMESPACE", "NAME", "of the sandboxes' pods (xgen-sandboxes)"
    ) { settings, text throws(SettingError) in
      settings.kubernetes.namespace = try KubernetesOptions.namespace("--sandbox-namespace", text)
    },
    Setting(
      "--sidecar-image", "SIDECAR_IMAGE", "IMAGE",
      "of the init container: xgen-sidecar as its entrypoint; --backend kubernetes needs it"
    ) { settings, text throws(SettingError) in
      settings.kubernetes.sidecarImage = try KubernetesOptions.image("--sidecar-image", text)
    },
    Setting(
      "--runtime-base-image", "RUNTIME_BASE_IMAGE", "IMAGE",
      "of the templates base and gui (docker.io/library/debian:12-slim)"
    ) { settings, text throws(SettingError) in
      settings.kubernetes.runtimeBaseImage = try KubernetesOptions.image(
        "--runtime-base-image", text)
    },
    Setting(
      "--desktop-image", "DESKTOP_IMAGE", "IMAGE",
      "with the programs of a desktop, for sandboxes with gui; unset: they are refused"
    ) { settings, text throws(SettingError) in
      settings.kubernetes.desktopImage = try KubernetesOptions.image("--desktop-image", text)
    },
    Setting(
      "--image-pull-policy", "IMAGE_PULL_POLICY", "POLICY",
      "of sandboxes' images: Always, IfNotPresent or Never (IfNotPresent)"
    ) { settings, text throws(SettingError) in
      settings.kubernetes.pullPolicy = try KubernetesOptions.pullPolicy(
        "--image-pull-policy", text)
    },
    Setting(
      "--templates", "XGEN_TEMPLATES", "FILE",
      "YAML that says which image and resources each template has on kubernetes"
    ) { settings, text throws(SettingError) in
      settings.kubernetes.templatesFile = text
    },
    Setting(
      "--sidecar-port", "SIDECAR_PORT", "PORT",
      "of the sidecar in a pod (\(KubernetesOptions().sidecarPort))"
    ) { settings, text throws(SettingError) in
      settings.kubernetes.sidecarPort = UInt16(
        try SettingValue.int("--sidecar-port", text, 1024...65_535))
    },
    Setting(
      "--warm-pool-size", "WARM_POOL_SIZE", "N",
      "pods of each template that run before they are asked for (0)"
    ) { settings, text throws(SettingError) in
      settings.kubernetes.warmPoolSize = try SettingValue.int(
        "--warm-pool-size", text, PoolLimits.sizes)
    },
    Setting(
      "--warm-pool-sizes", "WARM_POOL_SIZES", "TEMPLATE:N[,…]",
      "the same by template, such as base:3,nodejs:2"
    ) { settings, text throws(SettingError) in
      settings.kubernetes.warmPoolSizes = try KubernetesOptions.poolSizes(
        "--warm-pool-sizes", text)
    },
    Setting(
      "--audit-log", "XGEN_AUDIT_LOG", "FILE|stderr|none",
      "who changed what, as JSON lines (audit/audit.jsonl in the data folder)"
    ) { settings, text throws(SettingError) in
      settings.auditLog = try AuditTarget(text)
    },
    Setting(
      "--audit-file-bytes", "XGEN_AUDIT_FILE_BYTES", "N",
      "then the audit log's file is set aside; \(AuditLimits.maxFiles) are kept "
        + "(\(AuditLimits.defaultFileBytes))"
    ) { settings, text throws(SettingError) in
      settings.auditFileBytes = try SettingValue.int(
        "--audit-file-bytes", text, AuditLimits.fileBytesRange)
    },
    Setting("--log-format", "XGEN_LOG_FORMAT", "text|json", "lines on stderr (text)") {
      settings, text throws(SettingError) in
      guard text == "text" || text == "json" else {
        throw SettingError(name: "--log-format", problem: "'\(text)' is neither text nor json")
      }
      settings.logsJSON = text == "json"
    },
    Setting(
      "--log-level", "XGEN_LOG_LEVEL", "LEVEL",
      "trace, debug, info, notice, warning, error or critical (info)"
    ) { settings, text throws(SettingError) in
      guard let level = Logger.Level(rawValue: text) else {
        throw SettingError(name: "--log-level", problem: "'\(text)' is not a level")
      }
      settings.logLevel = level
    },
  ]

  /// Both or neither, once the settings are read.
  var tlsFiles: TLSFiles? {
    guard let tlsCertificateFile, let tlsKeyFile else { return nil }
    return TLSFiles(certificate: tlsCertificateFile, key: tlsKeyFile)
  }

  /// Of the URLs that clients are given.
  var scheme: String { tlsFiles == nil ? "http" : "https" }

  private static func addresses(_ text: String) throws(SettingError) -> [SocketAddress] {
    var addresses: [SocketAddress] = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      guard let address = SocketAddress(parsing: String(part)) else {
        throw SettingError(
          name: "--listen",
          problem: "'\(part)' is not an address such as 127.0.0.1:8080, [::1]:8080 or :8080")
      }
      addresses.append(address)
    }
    return addresses
  }
}

// MARK: Reading the command line

extension Settings {
  enum Command: Sendable {
    case serve(Settings)
    case help
    case version
    /// Print the API's description.
    case openAPI
  }

  /// Flags win over variables. Throws at the first that can't be used.
  static func parse(
    arguments: [String], environment: [String: String]
  ) throws(SettingError) -> Command {
    if arguments.contains("--help") || arguments.contains("-h") { return .help }
    if arguments.contains("--version") { return .version }
    if arguments.contains("--openapi") { return .openAPI }
    var settings = Settings()
    for setting in all {
      if let variable = setting.variable, let value = environment[variable], !value.isEmpty {
        do throws(SettingError) { try setting.apply(&settings, value) } catch {
          throw SettingError(name: "\(variable) (\(error.name))", problem: error.problem)
        }
      }
    }
    try settings.read(arguments)
    try settings.finish()
    return .serve(settings)
  }

  private mutating func read(_ arguments: [String]) throws(SettingError) {
    var rest = arguments[...]
    while let argument = rest.popFirst() {
      let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard let setting = Self.all.first(where: { $0.flag == parts[0] }) else {
        throw SettingError(name: argument, problem: "is not known; --help lists the flags")
      }
      if setting.placeholder == nil {
        guard parts.count == 1 else {
          throw SettingError(name: setting.flag, problem: "takes no value")
        }
        try setting.apply(&self, "")
      } else if parts.count == 2 {
        try setting.apply(&self, String(parts[1]))
      } else {
        guard let value = rest.popFirst() else {
          throw SettingError(name: setting.flag, problem: "needs a value")
        }
        try setting.apply(&self, value)
      }
    }
  }

  private mutating func finish() throws(SettingError) {
    if listen.isEmpty, backend == .kubernetes, !isDevelopment,
      let all = SocketAddress(parsing: ":8080")
    {
      listen = [all]
    }
    if listen.isEmpty, let first = SocketAddress(parsing: "127.0.0.1:8080"),
      let second = SocketAddress(parsing: "[::1]:8080")
    {
      listen = [first, second]
    }
    if isDevelopment, let open = listen.first(where: { !$0.isLoopback }) {
      throw SettingError(name: "--dev", problem: "only listens on loopback, not on \(open)")
    }
    if (tlsCertificateFile == nil) != (tlsKeyFile == nil) {
      let (given, missing) =
        tlsKeyFile == nil ? ("--tls-cert", "--tls-key") : ("--tls-key", "--tls-cert")
      throw SettingError(name: given, problem: "needs \(missing) as well")
    }
    if backend == .kubernetes, kubernetes.sidecarImage == nil {
      throw SettingError(name: "SIDECAR_IMAGE", problem: "is needed with --backend kubernetes")
    }
    if backend == .kubernetes, jwtSecret == nil {
      throw SettingError(
        name: "JWT_SECRET",
        problem: "is needed with --backend kubernetes, the same for every replica")
    }
    if backend == .static, staticSidecars.isEmpty {
      throw SettingError(name: "--backend", problem: "static needs --static-sidecar as well")
    }
    if backend != .static, !staticSidecars.isEmpty {
      throw SettingError(name: "--static-sidecar", problem: "is only for --backend static")
    }
    if backend != .local, localNetwork != .none {
      throw SettingError(name: "--local-network", problem: "is only for --backend local")
    }
    if localNetwork == .none, !localResolvers.isEmpty {
      throw SettingError(name: "--local-dns", problem: "is only for --local-network internet")
    }
    if defaultTimeoutSeconds > maxTimeoutSeconds {
      throw SettingError(name: "--default-timeout", problem: "is above --max-timeout")
    }
  }

  /// The text of `--help`.
  static var help: String {
    var text = """
      xgen-server \(version): a control plane for code-execution sandboxes.

      Usage: xgen-server [flags]

      Each flag has an environment variable (in brackets) with the same meaning; the flag wins.
      Defaults are in parentheses.


      """
    for setting in all {
      let flag = setting.flag + (setting.placeholder.map { " \($0)" } ?? "")
      let variable = setting.variable.map { " [\($0)]" } ?? ""
      text += "  \(flag)\(variable)\n      \(setting.help)\n"
      if setting.flag == "--limit" { text += ConnectionLimits.help }
    }
    text += "  --openapi\n      print the API's description (OpenAPI 3.1) and end\n"
    text += "  --help, --version\n"
    return text
  }
}
