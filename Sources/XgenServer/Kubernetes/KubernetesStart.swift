internal import Glibc
internal import Logging
internal import Reactor

/// What the Kubernetes backend reads from files before the loop runs.
struct KubernetesStart: Sendable {
  private let configuration: KubernetesConfiguration
  private let options: KubernetesOptions
  private let templates: PodTemplates

  /// Blocks.
  init(_ settings: Settings) throws(SettingError) {
    options = settings.kubernetes
    configuration = try KubernetesConfiguration.load(
      path: settings.kubeconfigFile, context: settings.kubeContext,
      environment: { getenv($0).map { String(cString: $0) } })
    let standard = PodTemplates.standard(
      baseImage: options.runtimeBaseImage, defaults: settings.defaultResources)
    if let file = options.templatesFile {
      templates = try TemplateFile.load(
        file, over: standard, defaults: settings.defaultResources)
    } else {
      templates = standard
    }
  }

  /// For people: where the cluster is, and how we know.
  var cluster: String { "\(configuration.server) (\(configuration.origin))" }

  /// With worker threads of its own: a cluster that hangs holds up nothing else.
  @LoopActor
  func backend(tokens: TokenIssuer, log: Logger) -> KubernetesBackend {
    let workers = WorkerPool(
      loop: LoopActor.loop, maxThreads: KubernetesBackendLimits.requestsAtOnce,
      maxQueued: KubernetesBackendLimits.maxQueuedRequests)
    return KubernetesBackend(
      client: KubernetesClient(configuration, workers: workers, log: log), options: options,
      templates: templates, tokenSecret: tokens.derivedSecret(for: "tokens of sidecars"),
      desktops: DesktopPasswords(tokens), log: log)
  }
}
