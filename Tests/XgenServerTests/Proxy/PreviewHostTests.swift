import Reactor
import Testing

@testable import XgenServer

@Suite struct PreviewHostTests {
  @Test(arguments: [
    ("sbx-abcdefghijklmnop-3000.preview.localhost", "abcdefghijklmnop", 3000),
    ("sbx-abc-1.preview.localhost:8080", "abc", 1),
    ("sbx-abc-65535.preview.localhost:", "abc", 65535),
    ("SBX-ABC-80.Preview.LOCALHOST", "abc", 80),
    ("sbx-abc-80.preview.localhost.", "abc", 80),
    ("sbx-abc-80.preview.localhost.:8080", "abc", 80),
    ("sbx-my-own-id-80.preview.localhost", "my-own-id", 80),
    ("sbx-3000-80.preview.localhost", "3000", 80),
    ("sbx---80.preview.localhost", "-", 80),
    ("sbx-a--80.preview.localhost", "a-", 80),
    ("sbx-sbx-a-1-80.preview.localhost", "sbx-a-1", 80),
    ("sbx-a-80.preview.localhost:65535", "a", 80),
  ])
  func namesASandboxAndAPort(host: String, id: String, port: UInt16) {
    for domain in ["preview.localhost", "preview.localhost:8080", "Preview.Localhost."] {
      let preview = XgenServerTests.preview(host, in: domain)
      #expect(preview?.id == id && preview?.port == port, "\(host) in \(domain)")
    }
  }

  @Test(arguments: [
    "", ".", ":", "preview.localhost", ".preview.localhost", "preview.localhost:8080",
    "sbx-abc-80", "sbx-abc-80.", "sbx-abc-80.localhost", "sbx-abc-80preview.localhost",
    "sbx-abc-80.xpreview.localhost", "sbx-abc-80.preview.localhost.evil.example",
    "sbx-abc-80.preview.localhost..", "x.sbx-abc-80.preview.localhost",
    "sbx-a.b-80.preview.localhost", "sbx-abc-80.preview.localhost.preview.localhost",
    "abc-80.preview.localhost", "sbxabc-80.preview.localhost", "xsbx-abc-80.preview.localhost",
    "sbx-80.preview.localhost", "sbx--80.preview.localhost", "sbx-.preview.localhost",
    "sbx-abc.preview.localhost", "sbx-abc-.preview.localhost",
    "sbx-abc-0.preview.localhost", "sbx-abc-080.preview.localhost",
    "sbx-abc-65536.preview.localhost", "sbx-abc-99999999999999999999.preview.localhost",
    "sbx-abc-+80.preview.localhost", "sbx-abc-8O.preview.localhost",
    "sbx-abc-٨٠.preview.localhost", "sbx-ab_c-80.preview.localhost",
    "sbx-ab c-80.preview.localhost", "sbx-a\u{212A}-80.preview.localhost",
    "sbx-a\0-80.preview.localhost", "sbx-a@b-80.preview.localhost",
    "sbx-abc-80.preview.localhost:x", "sbx-abc-80.preview.localhost:65536",
    "sbx-abc-80.preview.localhost:80:80", "sbx-abc-80.preview.localhost:000080",
    " sbx-abc-80.preview.localhost", "sbx-abc-80.preview.localhost ",
    "[::1]", "[::1]:80", "127.0.0.1",
  ])
  func namesNothingElse(host: String) {
    #expect(preview(host, in: "preview.localhost:8080") == nil)
  }

  @Test func takesAnIDOfAnyLength() {
    for count in [1, 63, 64, 300] {
      let id = String(repeating: "a", count: count)
      #expect(preview("sbx-\(id)-80.p.example", in: "p.example")?.id == id)
    }
  }

  /// What clients are told leads back, and the API is never served there.
  @Test func readsTheNamesThatClientsAreTold() throws {
    let addresses = PublicAddresses(externalURL: "", previewDomain: "preview.localhost:8080")
    for port: UInt16 in [1, 80, 6080, .max] {
      let url = addresses.preview("abcdefghijklmnop", port)
      let host = String(try #require(url.split(separator: "/").last))
      let preview = XgenServerTests.preview(host, in: addresses.previewDomain)
      #expect(preview?.id == "abcdefghijklmnop" && preview?.port == port)
    }
  }
}

/// What a Host header leads to, if the server lets it pass.
func match(_ host: String, _ domain: String) -> PreviewDomain.Match {
  guard HTTPHost(host) != nil else { return .elsewhere }
  return Array(host.utf8).withUnsafeBytes { PreviewDomain(domain).match($0) }
}

private func preview(_ host: String, in domain: String) -> PreviewHost? {
  guard case .preview(let preview) = match(host, domain) else { return nil }
  return preview
}
