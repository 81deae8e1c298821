/// Where the API server is, how it is known to be the right one, and who we are to it.
struct KubernetesConfiguration: Sendable {
  enum Trust: Sendable, Equatable {
    /// The authorities that this host trusts.
    case system
    /// These certificates and no others, in PEM.
    case authority([UInt8])
    /// Anyone, since the kubeconfig says so (`insecure-skip-tls-verify`).
    case insecure
  }

  /// In PEM.
  struct ClientCertificate: Sendable, Equatable {
    let certificate: [UInt8]
    let key: [UInt8]
  }

  enum Token: Sendable, Equatable {
    case none
    case fixed(String)
    /// Read again now and then: a pod's token expires and is replaced.
    case file(String)
  }

  /// `https://host:port`, a path may follow; without a slash at the end.
  let server: String
  var trust = Trust.system
  var clientCertificate: ClientCertificate?
  var token = Token.none
  /// The one that this server's sandboxes live in, unless a setting names another.
  var namespace = "default"
  /// Where this is from, for people: a file and its context, or the pod's service account.
  var origin = ""
}

extension KubernetesConfiguration {
  /// Finds and reads it. Blocks: to be called before the loop runs.
  ///
  /// `path` (--kubeconfig, KUBECONFIG) with `context`, or its current one; else what Kubernetes
  /// gives to a pod; else ~/.kube/config.
  static func load(
    path: String?, context: String?, environment: (String) -> String?
  ) throws(SettingError) -> KubernetesConfiguration {
    if let path { return try Kubeconfig.load(path, context: context) }
    if context == nil, let found = try InCluster.load(environment: environment) { return found }
    if let home = environment("HOME"), HostFiles.exists("\(home)/.kube/config") {
      return try Kubeconfig.load("\(home)/.kube/config", context: context)
    }
    throw SettingError(
      name: "--kubeconfig",
      problem: "is needed: this is no pod of a cluster, and there is no ~/.kube/config")
  }

  /// `https://host:port/path` without the last slash; nil for anything else.
  static func serverURL(_ text: String) -> String? {
    guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && !"?#@\\".utf8.contains($0) }),
      text.utf8.count <= 2048, let scheme = ["https://", "http://"].first(where: text.hasPrefix),
      let first = text.utf8.dropFirst(scheme.utf8.count).first, first != UInt8(ascii: "/")
    else { return nil }
    return text.hasSuffix("/") ? String(text.dropLast()) : text
  }

  var isEncrypted: Bool { server.hasPrefix("https://") }
}
