import Testing

@testable import XgenServer

@Suite struct PublicAddressesTests {
  private func addresses(_ domain: String) -> PublicAddresses {
    PublicAddresses(externalURL: "https://xgen.example", previewDomain: domain)
  }

  @Test func webSocketsAreBelowTheExternalURL() {
    #expect(
      addresses("p.example").webSocket("abc") == "https://xgen.example/api/v1/sandboxes/abc/ws")
  }

  @Test(arguments: [
    ("preview.localhost:8080", "http://sbx-abc-3000.preview.localhost:8080"),
    ("localhost", "http://sbx-abc-3000.localhost"),
    ("p.example", "https://sbx-abc-3000.p.example"),
    ("p.example:8443", "https://sbx-abc-3000.p.example:8443"),
    ("notlocalhost", "https://sbx-abc-3000.notlocalhost"),
  ])
  func previewsAreHTTPOnlyOnThisMachine(domain: String, url: String) {
    #expect(addresses(domain).preview("abc", 3000) == url)
  }

  @Test(arguments: [
    "sbx-abc-3000.preview.localhost:8080", "x.PREVIEW.localhost", "preview.localhost",
    "preview.localhost:1", "a.b.preview.localhost", "x.preview.localhost.", "preview.localhost.:80",
  ])
  func knowsPreviewHosts(host: String) {
    #expect(match(host, "Preview.Localhost:8080") != .elsewhere)
  }

  @Test(arguments: [
    "", "localhost", "127.0.0.1:8080", "[::1]:8080", "xpreview.localhost", "preview.localhost.com",
    "preview", ".", ":8080",
  ])
  func theAPIsOwnHostsAreNone(host: String) {
    #expect(match(host, "preview.localhost:8080") == .elsewhere)
  }
}
