import Reactor
import Testing

@testable import XgenServer

/// What servers inside are told of who asks.
@Suite struct PreviewClientTests {
  private let proxies = ForwardedFor(trusted: [CIDR("10.0.0.0/8")!])

  private func told(
    _ peer: String?, isEncrypted: Bool = false, _ lines: String...
  ) throws -> [String] {
    let text = (["GET / HTTP/1.1", "Host: p.example"] + lines).joined(separator: "\r\n")
    var parser = HTTPRequestParser()
    let head = try #require(
      try Array((text + "\r\n\r\n").utf8).withUnsafeBytes { try parser.parse($0) }?.head)
    let client = PreviewClient(
      head, peer: peer.map { IPAddress($0)! }, isEncrypted: isEncrypted, trusting: proxies)
    var out = ByteBuffer()
    head.headers.appendForwarded(to: &out) { name, _ in !client.drops(name) }
    head.withAuthority { client.append(to: &out, head, host: $0!) }
    let result = out.withReadable { String(decoding: $0, as: UTF8.self) }
    return result.components("\r\n")
  }

  @Test func aStrangerIsNotBelieved() throws {
    let lines = try told(
      "192.0.2.1", "X-Forwarded-For: 1.1.1.1", "x-forwarded-proto: https", "A: b",
      "X-Forwarded-Host: evil", "Forwarded: for=evil", "X-Forwarded-Port: 1", "X-REAL-IP: 1.1.1.1",
      "X_Forwarded_For: 1.1.1.1", "x-forwarded_Ssl: on", "X_REAL-IP: 1.1.1.1")
    #expect(
      lines == [
        "A: b", "X-Forwarded-For: 192.0.2.1", "X-Forwarded-Proto: http",
        "X-Forwarded-Host: p.example", "Forwarded: for=192.0.2.1;host=\"p.example\";proto=http",
      ])
  }

  @Test func aProxyThatIsTrustedIs() throws {
    let lines = try told(
      "10.1.2.3", "X-Forwarded-For: 1.1.1.1", "X-Forwarded-For: 2.2.2.2", "X-Real-IP: 1.1.1.1",
      "X-Forwarded-Proto: HTTPS", "X-Forwarded-Host: outside.example", "X-Forwarded-Port: 443",
      "Forwarded: for=1.1.1.1")
    #expect(
      lines == [
        "X-Real-IP: 1.1.1.1", "X-Forwarded-Port: 443",
        "X-Forwarded-For: 1.1.1.1, 2.2.2.2, 10.1.2.3", "X-Forwarded-Proto: https",
        "X-Forwarded-Host: outside.example",
        "Forwarded: for=1.1.1.1, for=10.1.2.3;host=\"p.example\";proto=https",
      ])
  }

  @Test func addressesOfAnyKind() throws {
    let v6 = try told("2001:db8::1", isEncrypted: true)
    #expect(v6[0] == "X-Forwarded-For: 2001:db8::1")
    #expect(v6[1] == "X-Forwarded-Proto: https")
    #expect(v6[3] == "Forwarded: for=\"[2001:db8::1]\";host=\"p.example\";proto=https")
    #expect(try told(nil)[0] == "X-Forwarded-For: unknown")
    #expect(try told("255.0.10.9")[0] == "X-Forwarded-For: 255.0.10.9")
  }

  @Test(arguments: [("nonsense", "http"), ("http", "http"), ("https, http", "https"), ("", "http")])
  func theSchemeThatAProxyTells(told text: String, scheme: String) throws {
    #expect(
      try told("10.0.0.1", "X-Forwarded-Proto: \(text)").contains("X-Forwarded-Proto: \(scheme)"))
  }
}

extension String {
  /// Without empty ones.
  fileprivate func components(_ separator: String) -> [String] {
    split(separator: separator).map(String.init)
  }
}
