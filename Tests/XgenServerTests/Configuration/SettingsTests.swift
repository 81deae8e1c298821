import Logging
import Reactor
import Testing

@testable import XgenServer

@Suite struct SettingsTests {
  private func settings(_ arguments: String..., env: [String: String] = [:]) throws -> Settings {
    let command = try Settings.parse(arguments: arguments, environment: env)
    guard case .serve(let settings) = command else {
      Issue.record("no settings")
      return Settings()
    }
    return settings
  }

  @Test func defaultsAreThoseOfTheReference() throws {
    let settings = try settings()
    #expect(settings.listen.map { "\($0)" } == ["127.0.0.1:8080", "[::1]:8080"])
    #expect(settings.defaultTimeoutSeconds == 3600 && settings.maxTimeoutSeconds == 86_400)
    #expect(settings.rateLimitPerMinute == 120 && !settings.isDevelopment && !settings.logsJSON)
    #expect(settings.apiKey == nil && settings.jwtSecret == nil && settings.logLevel == .info)
    #expect(settings.webSocketOrigins == .any)
  }

  @Test func proxiesAndOriginsAreListsOrNobody() throws {
    #expect(try settings().trustedProxies.isEmpty && settings().corsOrigins == .none)
    let settings = try settings(
      "--trusted-proxy", "10.0.0.0/8,::1", "--cors-origin", "https://a.example",
      env: ["CORS_ORIGINS": "*", "TRUSTED_PROXIES": "192.0.2.1"])
    #expect(settings.trustedProxies.map { "\($0)" } == ["10.0.0.0/8", "::1/128"])
    #expect(settings.corsOrigins == .some(["https://a.example"]))
    let byVariable = try self.settings(
      env: ["CORS_ORIGINS": "*", "TRUSTED_PROXIES": "192.0.2.1"])
    #expect(byVariable.corsOrigins == .any && byVariable.trustedProxies.count == 1)
    for (flag, value) in [("--trusted-proxy", "10.0.0.1/8"), ("--cors-origin", "a.example")] {
      do {
        _ = try self.settings(flag, value)
        Issue.record("\(value) was taken")
      } catch let error as SettingError {
        #expect(error.name == flag && error.problem.contains(value))
      }
    }
  }

  @Test func everyFlagIsRead() throws {
    let secret = String(repeating: "s", count: 32)
    let settings = try settings(
      "--listen", "0.0.0.0:1,[::]:0", "--data-dir=/d/", "--backend", "local", "--api-keys", "f",
      "--api-key=k", "--jwt-secret", secret, "--preview-domain", "P.example:1",
      "--external-url", "https://x.example/base/", "--default-timeout", "90s", "--max-timeout",
      "1h30m", "--rate-limit-per-minute", "0", "--max-sandboxes", "7", "--uid-range", "5000-5999",
      "--default-resources", "cpu=2,disk=64Mi", "--cgroup-parent", "/x/y",
      "--sidecar", "/s", "--log-format", "json", "--log-level", "debug",
      "--ws-origin", "https://A.example,http://b:3000",
      "--audit-log", "/a/b", "--audit-file-bytes", "4096", "--local-network", "internet",
      "--local-dns", "192.168.0.1,2001:db8::53",
      "--kubeconfig", "/k", "--kube-context", "c")
    #expect(settings.kubeconfigFile == "/k" && settings.kubeContext == "c")
    #expect(settings.localNetwork == .internet)
    #expect(settings.localResolvers.map { "\($0)" } == ["192.168.0.1", "2001:db8::53"])
    #expect(settings.listen.map { "\($0)" } == ["0.0.0.0:1", "[::]:0"])
    #expect(settings.dataDirectory == "/d" && settings.apiKeysFile == "f")
    #expect(settings.apiKey == "k" && settings.jwtSecret == secret)
    #expect(settings.previewDomain == "p.example:1")
    #expect(settings.externalURL == "https://x.example/base")
    #expect(settings.defaultTimeoutSeconds == 90 && settings.maxTimeoutSeconds == 5400)
    #expect(settings.rateLimitPerMinute == 0 && settings.maxSandboxes == 7)
    let origins = ["https://a.example", "http://b:3000"].compactMap { HTTPOrigin($0) }
    #expect(settings.webSocketOrigins == .only(Set(origins)))
    #expect(
      settings.defaultResources
        == SandboxLimits(cpuMilli: 2000, memoryBytes: 1 << 30, diskBytes: 64 << 20))
    #expect(settings.cgroupParent == "/x/y")
    #expect(settings.uidRange == 5000..<6000 && settings.sidecarPath == "/s")
    #expect(settings.logsJSON && settings.logLevel == .debug)
    #expect(settings.auditLog == .file("/a/b") && settings.auditFileBytes == 4096)
  }

  @Test func flagsWinOverVariables() throws {
    let env = ["RATE_LIMIT_PER_MINUTE": "5", "DEFAULT_TIMEOUT": "60", "MAX_SANDBOXES": ""]
    let settings = try settings("--rate-limit-per-minute", "9", env: env)
    #expect(settings.rateLimitPerMinute == 9 && settings.defaultTimeoutSeconds == 60)
    #expect(settings.maxSandboxes == 512)  // an empty variable is none
  }

  @Test func developmentListensOnLoopbackOnly() throws {
    #expect(try settings("--dev").isDevelopment)
    #expect(try settings("--dev", "--listen", "127.0.0.2:0").isDevelopment)
    for address in [":8080", "0.0.0.0:0", "127.0.0.1:0,10.0.0.1:0"] {
      #expect(throws: SettingError.self) { try settings("--dev", "--listen", address) }
    }
  }

  @Test func theStaticBackendNeedsSidecarsAndNoOtherHasThem() throws {
    #expect(try settings().backend == .local)
    let settings = try settings(
      "--backend", "static", "--static-sidecar", "127.0.0.1:9000,[::1]:9,unix:/run/s")
    #expect(settings.backend == .static)
    #expect(
      settings.staticSidecars.map { "\($0)" } == ["127.0.0.1:9000", "[::1]:9", "unix:/run/s"])
    let byVariable = try self.settings(
      env: ["XGEN_BACKEND": "static", "XGEN_STATIC_SIDECAR": "unix:/run/s"])
    #expect(byVariable.staticSidecars == [.unix(path: "/run/s")])
    for (arguments, name) in [
      (["--backend", "static"], "--backend"), (["--static-sidecar", ":9"], "--static-sidecar"),
      (["--backend", "local", "--static-sidecar", ":9"], "--static-sidecar"),
    ] {
      let error = #expect(throws: SettingError.self) {
        try Settings.parse(arguments: arguments, environment: [:])
      }
      #expect(error?.name == name && error?.problem.contains("static") == true)
    }
  }

  @Test func theNetworkBelongsToTheLocalBackend() throws {
    #expect(try settings().localNetwork == .none)
    for (arguments, name) in [
      (
        ["--backend", "static", "--static-sidecar", "unix:/s", "--local-network", "internet"],
        "--local-network"
      ),
      (["--local-dns", "9.9.9.9"], "--local-dns"),
    ] {
      let error = #expect(throws: SettingError.self) {
        try Settings.parse(arguments: arguments, environment: [:])
      }
      #expect(error?.name == name)
    }
  }

  static let bad: [(flag: String, value: String)] = [
    ("--default-resources", ""), ("--default-resources", "cpu"),
    ("--default-resources", "cpu=5"), ("--default-resources", "memory=1Mi"),
    ("--default-resources", "gpu=1"), ("--default-resources", "cpu=1,"),
    ("--cgroup-parent", "x"), ("--cgroup-parent", "/x/../y"), ("--cgroup-parent", "/x/"),
    ("--audit-log", ""), ("--audit-log", "/a/"), ("--audit-file-bytes", "4095"),
    ("--listen", ""), ("--listen", "8080"), ("--listen", "example.com:80"), ("--listen", ":65536"),
    ("--listen", "127.0.0.1:1,"), ("--data-dir", "rel"), ("--data-dir", ""),
    ("--backend", "docker"),
    ("--static-sidecar", ""), ("--static-sidecar", "9000"), ("--static-sidecar", "127.0.0.1:0"),
    ("--static-sidecar", "a.example:1"), ("--static-sidecar", "unix:"),
    ("--static-sidecar", "unix:/s,"), ("--api-key", ""), ("--api-key", "a b"),
    ("--jwt-secret", "short"),
    ("--preview-domain", ""), ("--preview-domain", "a/b"), ("--preview-domain", "x:99999"),
    ("--preview-domain", ".x"), ("--preview-domain", "x:"), ("--external-url", "x.example"),
    ("--external-url", "ftp://x"), ("--external-url", "http://"), ("--external-url", "http:///a"),
    ("--external-url", "http://a b"), ("--external-url", "http://u@h"),
    ("--external-url", "http://h?q"), ("--default-timeout", ""), ("--default-timeout", "0"),
    ("--default-timeout", "1d"), ("--default-timeout", "h"), ("--default-timeout", "-1s"),
    ("--default-timeout", "1h30"), ("--default-timeout", "9999999999999999999h"),
    ("--default-timeout", "25h"), ("--max-timeout", "2y"), ("--max-timeout", "1.5h"),
    ("--rate-limit-per-minute", "-1"), ("--rate-limit-per-minute", "x"),
    ("--rate-limit-per-minute", "1000001"), ("--max-sandboxes", "0"), ("--uid-range", "5"),
    ("--uid-range", "6000-5000"), ("--uid-range", "0-10"), ("--uid-range", "1000-4294967295"),
    ("--uid-range", "a-b"), ("--ws-origin", ""), ("--ws-origin", "null"), ("--ws-origin", "*"),
    ("--ws-origin", "https://a/"), ("--ws-origin", "https://a, https://b"),
    ("--local-network", ""), ("--local-network", "lan"), ("--local-dns", ""),
    ("--local-dns", "127.0.0.53"), ("--local-dns", "fe80::1"), ("--local-dns", "dns.example"),
    ("--local-dns", "1.1.1.1,1.0.0.1,8.8.8.8,9.9.9.9"),
    ("--ws-origin", "https://a,"), ("--log-format", "xml"), ("--log-level", "loud"),
  ]

  @Test(arguments: bad)
  func aBadValueNamesItsSetting(flag: String, value: String) throws {
    let setting = try #require(Settings.all.first { $0.flag == flag })
    let error = #expect(throws: SettingError.self) { try settings("\(flag)=\(value)") }
    let name = try #require(error?.name)
    #expect(name == flag || name == setting.variable)
    #expect(!"\(error!)".contains("\n"))
    guard let variable = setting.variable, !value.isEmpty, flag != "--default-timeout" else {
      return
    }
    let other = #expect(throws: SettingError.self) { try settings(env: [variable: value]) }
    #expect(other?.name.hasPrefix(variable) == true)
  }

  @Test func secretsAreNotRepeatedInErrors() {
    for (flag, value) in [("--api-key", "my secret"), ("--jwt-secret", "my-secret")] {
      let error = #expect(throws: SettingError.self) { try settings(flag, value) }
      #expect(error?.problem.contains("secret") == false)
    }
  }

  @Test(arguments: [
    (["--nope"], "--nope"), (["serve"], "serve"), (["--listen"], "--listen"),
    (["--dev=1"], "--dev"), (["--dev", ""], ""), (["-v"], "-v"),
  ])
  func anUnknownOrIncompleteFlagIsNamed(arguments: [String], name: String) {
    let error = #expect(throws: SettingError.self) {
      try Settings.parse(arguments: arguments, environment: [:])
    }
    #expect(error?.name == name)
  }

  @Test func helpAndVersionComeFirst() throws {
    for arguments in [["--help"], ["--listen", "bad", "-h"]] {
      guard case .help = try Settings.parse(arguments: arguments, environment: [:]) else {
        Issue.record("no help")
        continue
      }
    }
    guard case .version = try Settings.parse(arguments: ["--version"], environment: [:]) else {
      Issue.record("no version")
      return
    }
  }

  @Test func helpListsEverySettingWithItsVariable() {
    for setting in Settings.all {
      #expect(Settings.help.contains("  \(setting.flag)"))
      #expect(Settings.help.contains(setting.help))
      if let variable = setting.variable { #expect(Settings.help.contains("[\(variable)]")) }
    }
    #expect(Set(Settings.all.map(\.flag)).count == Settings.all.count)
  }
}
