import Glibc
import Synchronization
import TestSupport
import Testing

@testable import XgenServer

@Suite struct KubeconfigTests {
  private static let pem = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"
  private static let coded = Base64.encode(Array(pem.utf8))

  /// A kubeconfig of one context `c`, whose cluster and user have these members besides.
  private static func text(
    cluster: String = "server: https://10.0.0.1:6443", user: String = "token: t",
    context: String = "cluster: k, user: u", current: String = "c"
  ) -> String {
    """
    apiVersion: v1
    kind: Config
    current-context: \(current)
    contexts: [{name: c, context: {\(context)}}, {name: d, context: {cluster: k, user: u, namespace: e}}]
    clusters:
    - name: k
      cluster: {\(cluster)}
    users:
    - name: u
      user: {\(user)}
    """
  }

  private func read(
    _ text: String, context: String? = nil, path: String = "/x/kubeconfig"
  ) throws(SettingError) -> KubernetesConfiguration {
    try Kubeconfig(path: path, Array(text.utf8)).configuration(context: context)
  }

  @Test func readsTheCurrentContextOrTheNamedOne() throws {
    let current = try read(Self.text())
    #expect(current.server == "https://10.0.0.1:6443" && current.namespace == "default")
    #expect(current.token == .fixed("t") && current.trust == .system)
    #expect(current.clientCertificate == nil && current.origin == "/x/kubeconfig, context 'c'")
    #expect(try read(Self.text(), context: "d").namespace == "e")
  }

  @Test func readsCertificatesFromDataAndFiles() throws {
    let cluster = "server: https://h/p/, certificate-authority-data: \(Self.coded)"
    let user = "client-certificate-data: \(Self.coded), client-key-data: \(Self.coded)"
    let byData = try read(Self.text(cluster: cluster, user: user))
    let pem = Array(Self.pem.utf8)
    #expect(byData.server == "https://h/p" && byData.token == .none)
    #expect(byData.trust == .authority(pem))
    #expect(byData.clientCertificate == .init(certificate: pem, key: pem))

    try withTemporaryDirectory { folder in
      try HostFiles.replace("\(folder)/ca.pem", pem, mode: 0o600, durable: false)
      let text = Self.text(cluster: "server: https://h, certificate-authority: ca.pem")
      #expect(try read(text, path: "\(folder)/config").trust == .authority(pem))
      let missing = Self.text(cluster: "server: https://h, certificate-authority: no.pem")
      let error = #expect(throws: SettingError.self) {
        try read(missing, path: "\(folder)/config")
      }
      #expect(error?.name == "\(folder)/no.pem")
    }
  }

  @Test func tokenFilesAreRelativeToTheKubeconfigAndGoFirst() throws {
    #expect(try read(Self.text(user: "tokenFile: t, token: x")).token == .file("/x/t"))
    #expect(try read(Self.text(user: "tokenFile: /y/t")).token == .file("/y/t"))
    #expect(try read(Self.text(user: "tokenFile: t"), path: "k").token == .file("t"))
  }

  @Test func aUserMayHaveNothingAndHTTPIsForThose() throws {
    let proxied = Self.text(cluster: "server: http://127.0.0.1:8001", context: "cluster: k")
    #expect(try read(proxied).token == .none)
    let error = #expect(throws: SettingError.self) {
      try read(Self.text(cluster: "server: http://127.0.0.1:8001"))
    }
    #expect(error?.problem.contains("https://") == true)
  }

  @Test func insecureOnlyIfTheFileSaysSo() throws {
    let cluster = "server: https://h, insecure-skip-tls-verify: true"
    #expect(try read(Self.text(cluster: cluster)).trust == .insecure)
    let cautious = "server: https://h, insecure-skip-tls-verify: false"
    #expect(try read(Self.text(cluster: cautious)).trust == .system)
    for cluster in [
      "server: https://h, insecure-skip-tls-verify: yes",
      "server: https://h, insecure-skip-tls-verify: true, certificate-authority-data: \(Self.coded)",
    ] {
      #expect(throws: SettingError.self) { try read(Self.text(cluster: cluster)) }
    }
  }

  @Test(arguments: [
    (text(user: "exec: {command: aws}"), "kubectl create token"),
    (text(user: "auth-provider: {name: gcp}"), "kubectl create token"),
    (text(user: "username: a, password: b"), "passwords"),
    (text(user: "as: root"), "impersonation"),
    (text(user: "client-certificate-data: \(coded)"), "go together"),
    (text(user: "client-certificate-data: '%%', client-key-data: \(coded)"), "base64"),
    (text(user: "client-certificate-data: QUJD, client-key-data: \(coded)"), "no PEM"),
    (text(user: "token: 'a b'"), "characters"), (text(user: #"token: "a\r\nX: y""#), "characters"),
    (text(user: "token: 123"), "quotes"), (text(user: "token: [a]"), "must be a text"),
    (text(cluster: "server: https://h, proxy-url: http://p"), "proxy-url"),
    (text(cluster: "server: https://h, tls-server-name: x"), "tls-server-name"),
    (text(cluster: "server: 10.0.0.1:6443"), "no URL"),
    (text(cluster: "server: ftp://h"), "no URL"),
    (text(cluster: "server: 'https://u:p@h'"), "no URL"),
    (text(cluster: "server: https://"), "no URL"),
    (text(cluster: "server: 'https://h?x'"), "no URL"),
    (text(cluster: #"server: "https://h\r\n""#), "no URL"),
    (text(cluster: "x: y"), "server is missing"), (text(cluster: "server: 7"), "must be a text"),
    (text(current: "nope"), "no context 'nope'"), (text(current: "''"), "--kube-context"),
    (text(context: "cluster: other, user: u"), "no cluster 'other'"),
    (text(context: "cluster: k, user: other"), "no user 'other'"),
    (text(context: "user: u"), "cluster is missing"),
    ("", "no kubeconfig"), ("[]", "no kubeconfig"), ("just text", "no kubeconfig"),
    ("a: [", "YAML"),
    ("current-context: c\ncontexts: {name: c}", "no context"),
    ("current-context: c\ncontexts: [7, {name: c}]", "no context"),
  ])
  func whatCannotBeUsedIsRefusedWithWhatToDo(text: String, hint: String) {
    let error = #expect(throws: SettingError.self) { try read(text) }
    #expect(error?.problem.contains(hint) == true, "\(String(describing: error))")
    #expect(error?.name == "/x/kubeconfig")
  }

  @Test func findsTheFileThePodOrTheHomeInThisOrder() throws {
    let kubeconfig = Array(Self.text().utf8)
    try withTemporaryDirectory { folder in
      let path = "\(folder)/config"
      try HostFiles.replace(path, kubeconfig, mode: 0o600, durable: false)
      let pod = ["KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443"]
      let found = try KubernetesConfiguration.load(path: path, context: nil) { pod[$0] }
      #expect(found.origin.hasPrefix(path))
      let missing = #expect(throws: SettingError.self) {
        try KubernetesConfiguration.load(path: "\(folder)/no", context: nil) { _ in nil }
      }
      #expect(missing?.problem == "there is no such file")
      let several = #expect(throws: SettingError.self) {
        try KubernetesConfiguration.load(path: "/a:/b", context: nil) { _ in nil }
      }
      #expect(several?.problem.contains("--flatten") == true)
      let none = #expect(throws: SettingError.self) {
        try KubernetesConfiguration.load(path: nil, context: nil) { _ in nil }
      }
      #expect(none?.name == "--kubeconfig")
    }
  }

  @Test func readsAPodsServiceAccount() throws {
    try withTemporaryDirectory { folder in
      func write(_ name: String, _ text: String) throws {
        try HostFiles.replace("\(folder)/\(name)", Array(text.utf8), mode: 0o600, durable: false)
      }
      var environment = ["KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "443"]
      func load() throws(SettingError) -> KubernetesConfiguration? {
        try InCluster.load(folder: folder) { environment[$0] }
      }
      #expect(throws: SettingError.self) { try load() }
      try write("token", "abc")
      #expect(throws: SettingError.self) { try load() }
      try write("ca.crt", Self.pem)
      try write("namespace", "sandboxes\n")
      let found = try #require(try load())
      #expect(found.server == "https://[fd00::1]:443" && found.namespace == "sandboxes")
      #expect(found.token == .file("\(folder)/token"))
      #expect(found.trust == .authority(Array(Self.pem.utf8)))
      environment["KUBERNETES_SERVICE_PORT"] = "443/x"
      #expect(throws: SettingError.self) { try load() }
      environment = [:]
      #expect(try load() == nil)
    }
  }
}

@Suite struct KubernetesCredentialTests {
  /// A clock that the test moves.
  private final class Time: Sendable {
    private let moved = Mutex<UInt64>(0)
    var nowMs: UInt64 {
      get { moved.withLock { $0 } }
      set { moved.withLock { $0 = newValue } }
    }
  }

  @Test func aFileIsReadOnceAMinuteAndWhenItsTokenIsRefused() throws {
    try withTemporaryDirectory { folder in
      let path = "\(folder)/token"
      let time = Time()
      func write(_ text: String) throws {
        try HostFiles.replace(path, Array(text.utf8), mode: 0o600, durable: false)
      }
      try write("first\n")
      let credential = KubernetesCredential(.file(path)) { time.nowMs }
      #expect(try credential.current() == "first")
      try write("second")
      time.nowMs = KubernetesLimits.tokenRereadMs - 1
      #expect(try credential.current() == "first")
      time.nowMs += 1
      #expect(try credential.current() == "second")
      #expect(!credential.replace(refused: "second"))
      try write("third")
      #expect(credential.replace(refused: "second"))
      #expect(try credential.current() == "third")
      // Another thread has replaced it meanwhile.
      #expect(credential.replace(refused: "second"))
    }
  }

  @Test func theLastGoodTokenStaysWhileTheFileIsNone() throws {
    try withTemporaryDirectory { folder in
      let path = "\(folder)/token"
      let time = Time()
      let credential = KubernetesCredential(.file(path)) { time.nowMs }
      let error = #expect(throws: KubernetesError.self) { try credential.current() }
      #expect(error == .unauthorized("\(path) holds no token"))
      for bad in ["", "\n", "a b\u{7}", "é", String(repeating: "x", count: 70_000)] {
        try HostFiles.replace(path, Array(bad.utf8), mode: 0o600, durable: false)
        time.nowMs += KubernetesLimits.tokenRereadMs
        #expect(throws: KubernetesError.self) { try credential.current() }
      }
      try HostFiles.replace(path, Array("good".utf8), mode: 0o600, durable: false)
      time.nowMs += KubernetesLimits.tokenRereadMs
      #expect(try credential.current() == "good")
      unlink(path)
      time.nowMs += KubernetesLimits.tokenRereadMs
      #expect(try credential.current() == "good")
    }
  }
}
