/// A kubeconfig file: which cluster and which user a context names.
///
/// Source: Kubernetes, `client-go/tools/clientcmd/api/v1`. What a file may say and is not done here
/// is refused with what to do instead, rather than passed over.
struct Kubeconfig: Sendable {
  /// For errors.
  let path: String
  private let root: JSONValue

  /// Blocks.
  static func load(
    _ path: String, context: String?
  ) throws(SettingError) -> KubernetesConfiguration {
    guard !path.contains(":") else {
      throw SettingError(
        name: "--kubeconfig",
        problem: "names several files; make one of them: kubectl config view --flatten --raw")
    }
    guard
      let bytes = try Secrets.readBytes(path, maxBytes: KubernetesLimits.maxKubeconfigBytes)
    else { throw SettingError(name: path, problem: "there is no such file") }
    return try Kubeconfig(path: path, bytes).configuration(context: context)
  }

  init(path: String, _ bytes: [UInt8]) throws(SettingError) {
    self.path = path
    do throws(YAMLError) { root = try YAMLDocument.parse(bytes) } catch {
      throw SettingError(name: path, problem: "\(error)")
    }
    guard root.objectValue != nil else {
      throw SettingError(name: path, problem: "is no kubeconfig")
    }
  }

  /// Blocks, if the entries name files.
  func configuration(context name: String?) throws(SettingError) -> KubernetesConfiguration {
    let current = root["current-context"]?.stringValue ?? ""
    guard let name = name ?? (current.isEmpty ? nil : current) else {
      throw fault("has no current-context; name one with --kube-context")
    }
    let context = try entry("contexts", "context", name)
    let clusterName = try required("cluster", of: context, "context '\(name)'")
    let cluster = try entry("clusters", "cluster", clusterName)
    let userName = try text("user", of: context, "context '\(name)'") ?? ""
    let user = userName.isEmpty ? .object([:]) : try entry("users", "user", userName)
    let namespace = try text("namespace", of: context, "context '\(name)'") ?? ""
    var configuration = KubernetesConfiguration(
      server: try server(cluster, clusterName),
      namespace: namespace.isEmpty ? "default" : namespace,
      origin: "\(path), context '\(name)'")
    configuration.trust = try trust(cluster, clusterName)
    configuration.clientCertificate = try clientCertificate(user, userName)
    configuration.token = try token(user, userName)
    try refuseOtherCredentials(user, userName)
    guard configuration.isEncrypted || configuration.token == .none else {
      throw fault("cluster '\(clusterName)': a token is sent to https:// servers only")
    }
    return configuration
  }

  // MARK: Parts

  private func server(_ cluster: JSONValue, _ name: String) throws(SettingError) -> String {
    let text = try required("server", of: cluster, "cluster '\(name)'")
    guard let server = KubernetesConfiguration.serverURL(text) else {
      throw fault("cluster '\(name)': server is no URL such as https://10.0.0.1:6443")
    }
    for unsupported in ["proxy-url", "tls-server-name"] where isSet(cluster[unsupported]) {
      throw fault("cluster '\(name)': \(unsupported) is not supported")
    }
    return server
  }

  private func trust(
    _ cluster: JSONValue, _ name: String
  ) throws(SettingError) -> KubernetesConfiguration.Trust {
    let place = "cluster '\(name)'"
    let authorities = try data("certificate-authority", of: cluster, place)
    let insecure = cluster["insecure-skip-tls-verify"] ?? .bool(false)
    guard case .bool(let isInsecure) = insecure == .null ? .bool(false) : insecure else {
      throw fault("\(place): insecure-skip-tls-verify must be true or false")
    }
    if isInsecure && authorities != nil {
      throw fault("\(place): has a certificate authority and insecure-skip-tls-verify")
    }
    if isInsecure { return .insecure }
    return authorities.map { .authority($0) } ?? .system
  }

  private func clientCertificate(
    _ user: JSONValue, _ name: String
  ) throws(SettingError) -> KubernetesConfiguration.ClientCertificate? {
    let place = "user '\(name)'"
    let certificate = try data("client-certificate", of: user, place)
    let key = try data("client-key", of: user, place)
    switch (certificate, key) {
    case (nil, nil): return nil
    case (let certificate?, let key?): return .init(certificate: certificate, key: key)
    default: throw fault("\(place): client-certificate and client-key go together")
    }
  }

  private func token(
    _ user: JSONValue, _ name: String
  ) throws(SettingError) -> KubernetesConfiguration.Token {
    if let file = try text("tokenFile", of: user, "user '\(name)'"), !file.isEmpty {
      return .file(absolute(file))
    }
    guard let token = try text("token", of: user, "user '\(name)'"), !token.isEmpty else {
      return .none
    }
    guard KubernetesCredential.isToken(token) else {
      throw fault("user '\(name)': the token has characters that no token has")
    }
    return .fixed(token)
  }

  private func refuseOtherCredentials(_ user: JSONValue, _ name: String) throws(SettingError) {
    for kind in ["exec", "auth-provider"] where isSet(user[kind]) {
      throw fault(
        "user '\(name)' gets its credentials from a program (\(kind)), and none is run here; "
          + "use a service account's token (kubectl create token) as token or tokenFile")
    }
    for kind in ["username", "password"] where isSet(user[kind]) {
      throw fault("user '\(name)': Kubernetes takes no passwords since 1.19; use a token")
    }
    for kind in ["as", "as-uid", "as-groups", "as-user-extra"] where isSet(user[kind]) {
      throw fault("user '\(name)': impersonation (\(kind)) is not supported")
    }
  }
}

// MARK: Reading members

extension Kubeconfig {
  /// The element called `name` of `list`, and there its `kind`.
  private func entry(
    _ list: String, _ kind: String, _ name: String
  ) throws(SettingError) -> JSONValue {
    let entries = root[list]?.arrayValue ?? []
    guard let entry = entries.first(where: { $0["name"] == .string(name) })?[kind],
      entry.objectValue != nil
    else { throw fault("has no \(kind) '\(name)'") }
    return entry
  }

  private func isSet(_ value: JSONValue?) -> Bool {
    switch value {
    case nil, .null?, .string("")?, .array([])?: false
    default: true
    }
  }

  private func text(
    _ member: String, of entry: JSONValue, _ place: String
  ) throws(SettingError) -> String? {
    guard let value = entry[member], value != .null else { return nil }
    guard let text = value.stringValue else {
      throw fault("\(place): \(member) must be a text; put it into quotes")
    }
    return text
  }

  private func required(
    _ member: String, of entry: JSONValue, _ place: String
  ) throws(SettingError) -> String {
    guard let text = try text(member, of: entry, place), !text.isEmpty else {
      throw fault("\(place): \(member) is missing")
    }
    return text
  }

  /// PEM from `NAME-data`, or else from the file that `NAME` names.
  private func data(
    _ member: String, of entry: JSONValue, _ place: String
  ) throws(SettingError) -> [UInt8]? {
    if let coded = try text("\(member)-data", of: entry, place), !coded.isEmpty {
      guard let bytes = Base64.decode(String(coded.filter { !$0.isWhitespace })),
        Self.isPEM(bytes)
      else { throw fault("\(place): \(member)-data is no PEM in base64") }
      return bytes
    }
    guard let file = try text(member, of: entry, place), !file.isEmpty else { return nil }
    return try Self.certificates(absolute(file))
  }

  /// A file of PEM blocks. Blocks.
  static func certificates(_ path: String) throws(SettingError) -> [UInt8] {
    let bytes = try Secrets.readBytes(path, maxBytes: KubernetesLimits.maxCertificateBytes)
    guard let bytes else { throw SettingError(name: path, problem: "there is no such file") }
    guard isPEM(bytes) else { throw SettingError(name: path, problem: "is no PEM") }
    return bytes
  }

  private static func isPEM(_ bytes: [UInt8]) -> Bool {
    String(decoding: bytes, as: UTF8.self).contains("-----BEGIN ")
  }

  /// Relative paths are relative to the kubeconfig's folder.
  private func absolute(_ file: String) -> String {
    if file.hasPrefix("/") { return file }
    guard let slash = path.lastIndex(of: "/") else { return file }
    return String(path[...slash]) + file
  }

  private func fault(_ problem: String) -> SettingError {
    SettingError(name: path, problem: problem)
  }
}
