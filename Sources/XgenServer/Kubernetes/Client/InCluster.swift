/// The configuration that Kubernetes gives to each pod with a service account.
///
/// Source: Kubernetes, "Accessing the Kubernetes API from a Pod".
enum InCluster {
  private static let folder = "/var/run/secrets/kubernetes.io/serviceaccount"

  /// Nil outside of a pod. Blocks.
  static func load(
    folder: String = folder, environment: (String) -> String?
  ) throws(SettingError) -> KubernetesConfiguration? {
    guard let host = environment("KUBERNETES_SERVICE_HOST"), !host.isEmpty,
      let port = environment("KUBERNETES_SERVICE_PORT"), !port.isEmpty
    else { return nil }
    let authority = host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    guard UInt16(port) != nil,
      let server = KubernetesConfiguration.serverURL("https://" + authority)
    else {
      throw SettingError(name: "KUBERNETES_SERVICE_HOST", problem: "'\(authority)' is no address")
    }
    let token = "\(folder)/token"
    guard try Secrets.read(token, maxBytes: KubernetesLimits.maxTokenBytes) != nil else {
      throw SettingError(
        name: token,
        problem: "is missing: the pod needs a service account (automountServiceAccountToken)")
    }
    let authorities = try Kubeconfig.certificates("\(folder)/ca.crt")
    let namespace = try Secrets.read("\(folder)/namespace", maxBytes: 256)
    return KubernetesConfiguration(
      server: server, trust: .authority(authorities), token: .file(token),
      namespace: namespace ?? "default", origin: "the pod's service account")
  }
}
