import Reactor
import ReactorTLS
import Testing

@testable import XgenServer

@Suite struct TLSSettingsTests {
  private func settings(_ arguments: [String], env: [String: String] = [:]) throws -> Settings {
    let command = try Settings.parse(arguments: arguments, environment: env)
    guard case .serve(let settings) = command else {
      Issue.record("no settings")
      return Settings()
    }
    return settings
  }

  @Test func withoutFilesItIsHTTP() throws {
    let settings = try settings([])
    #expect(settings.tlsFiles == nil)
    #expect(settings.scheme == "http")
  }

  @Test func bothFilesMakeItHTTPS() throws {
    let flags = try settings(["--dev", "--tls-cert", "/c.pem", "--tls-key=/k.pem"])
    #expect(flags.tlsFiles?.certificate == "/c.pem")
    #expect(flags.tlsFiles?.key == "/k.pem")
    #expect(flags.scheme == "https")
    let mixed = try settings(
      ["--tls-key", "/k2.pem"], env: ["XGEN_TLS_CERT": "/c.pem", "XGEN_TLS_KEY": "/k.pem"])
    #expect(mixed.tlsFiles?.certificate == "/c.pem")
    #expect(mixed.tlsFiles?.key == "/k2.pem")
  }

  @Test(arguments: [("--tls-cert", "--tls-key"), ("--tls-key", "--tls-cert")])
  func oneFileWithoutTheOtherIsRefused(given: String, missing: String) {
    #expect(throws: SettingError(name: given, problem: "needs \(missing) as well")) {
      _ = try settings([given, "/f.pem"])
    }
  }

  @Test func previewsAreHTTPSEvenOnThisMachine() {
    let addresses = PublicAddresses(
      externalURL: "https://localhost:1", previewDomain: "preview.localhost:1", isEncrypted: true)
    #expect(addresses.preview("abc", 3000) == "https://sbx-abc-3000.preview.localhost:1")
  }

  @Test func theErrorOfAFileNamesItsFlag() {
    let files = TLSFiles(certificate: "/none/c.pem", key: "/none/k.pem")
    let error = #expect(throws: SettingError.self) { _ = try LoadedCertificate(files) }
    #expect(error?.name == "--tls-cert")
    #expect(error?.problem == "/none/c.pem: no such file or directory (ENOENT)")
  }
}
