import Reactor
import Testing

@testable import XgenServer

@Suite struct IPAddressTests {
  @Test(arguments: [
    ("192.0.2.1", "192.0.2.1"), ("0.0.0.0", "0.0.0.0"), ("255.255.255.255", "255.255.255.255"),
    ("2001:DB8::1", "2001:db8::1"), ("::", "::"), ("::1", "::1"),
    ("::ffff:192.0.2.1", "192.0.2.1"), ("::ffff:c000:201", "192.0.2.1"),
    ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"), ("64:ff9b::192.0.2.1", "64:ff9b::c000:201"),
  ])
  func isReadAndWritten(text: String, written: String) throws {
    #expect(try #require(IPAddress(text)).description == written)
  }

  @Test(arguments: [
    "", " ", "1", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "1.2.3.4 ", " 1.2.3.4",
    "1.2.3.4:80", "[::1]", "[::1]:80", "fe80::1%eth0", ":::", "1:2:3:4:5:6:7", "::1::", "g::",
    "localhost", "unknown", "_hidden", "0x7f.1", "1.2.3.4\0", "\u{661}.1.1.1",
    "::ffff:1.2.3.4.5", String(repeating: "1", count: 1000),
  ])
  func nothingElseIsAnAddress(text: String) {
    #expect(IPAddress(text) == nil)
  }

  @Test func aSocketsPeerIsOne() throws {
    let v4 = try #require(SocketAddress(parsing: "192.0.2.1:80"))
    let v6 = try #require(SocketAddress(parsing: "[::ffff:192.0.2.1]:80"))
    #expect(IPAddress(v4) == IPAddress("192.0.2.1") && IPAddress(v6) == IPAddress("192.0.2.1"))
    #expect(IPAddress(.unix(path: "/x")) == nil)
  }

  @Test func isCountedByItsNetwork() throws {
    func network(_ text: String) throws -> CIDR { try #require(IPAddress(text)).network }
    #expect(try network("2001:db8:1:2::1") == network("2001:db8:1:2:ffff::"))
    #expect(try network("2001:db8:1:2::1") != network("2001:db8:1:3::1"))
    #expect(try network("192.0.2.1") != network("192.0.2.2"))
    #expect("\(try network("2001:db8:1:2::1"))" == "2001:db8:1:2::/64")
    #expect("\(try network("192.0.2.1"))" == "192.0.2.1/32")
  }
}

@Suite struct CIDRTests {
  @Test(arguments: [
    ("10.0.0.0/8", "10.255.255.255", "11.0.0.0"), ("192.0.2.1", "192.0.2.1", "192.0.2.0"),
    ("192.0.2.0/31", "192.0.2.1", "192.0.2.2"), ("0.0.0.0/0", "255.1.2.3", "::1"),
    ("fd00::/8", "fdff::1", "fe00::"), ("::/0", "ffff::", "1.2.3.4"),
    ("2001:db8::/65", "2001:db8::7fff:0:0:1", "2001:db8::8000:0:0:1"),
    ("::1", "::1", "::2"), ("2001:db8::/64", "2001:db8::ffff:0:0:1", "2001:db8:0:1::"),
  ])
  func holdsItsAddressesOnly(text: String, inside: String, outside: String) throws {
    let network = try #require(CIDR(text))
    #expect(network.contains(try #require(IPAddress(inside))))
    #expect(!network.contains(try #require(IPAddress(outside))))
  }

  @Test(arguments: [
    "", "/", "/8", "10.0.0.0/", "10.0.0.0/33", "::/129", "10.0.0.0/-1", "10.0.0.0/+8",
    "10.0.0.0/08", "10.0.0.0/8/8", "10.0.0.1/8", "fd00::1/8", "10.0.0.0 /8", "10.0.0.0/8 ",
    "10.0.0.0/255.0.0.0", "10/8", "example.com/8", "10.0.0.0/\u{661}", "1.2.3.4/999999999999",
  ])
  func nothingElseIsANetwork(text: String) {
    #expect(CIDR(text) == nil)
  }
}

@Suite struct ForwardedForTests {
  private let proxies = ForwardedFor(
    trusted: ["10.0.0.0/8", "fd00::/8"].compactMap { CIDR($0) })

  @Test(arguments: [
    // Nobody before the trusted proxy, or it says nothing.
    ("10.0.0.1", [], "10.0.0.1"), ("10.0.0.1", [""], "10.0.0.1"), ("10.0.0.1", [","], "10.0.0.1"),
    ("10.0.0.1", ["192.0.2.7"], "192.0.2.7"), ("fd00::1", ["2001:db8::7"], "2001:db8::7"),
    // What a client wrote itself stands to the left of what its proxy saw.
    ("10.0.0.1", ["127.0.0.1, 192.0.2.7"], "192.0.2.7"),
    ("10.0.0.1", ["1.1.1.1", "192.0.2.7"], "192.0.2.7"),
    ("10.0.0.1", ["1.1.1.1", "192.0.2.7 ,\t10.0.0.2"], "192.0.2.7"),
    ("10.0.0.1", ["nonsense, 192.0.2.7"], "192.0.2.7"),
    // Characters that would take the comma that follows, or what follows it, into themselves.
    ("10.0.0.1", ["x\u{600}, 192.0.2.7"], "192.0.2.7"),
    ("10.0.0.1", ["x,\u{301}, 192.0.2.7"], "192.0.2.7"),
    ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
    // Nonsense from a trusted proxy: it is the last one who is known.
    ("10.0.0.1", ["192.0.2.7, nonsense"], "10.0.0.1"),
    ("10.0.0.1", ["192.0.2.7, 10.0.0.2:80"], "10.0.0.1"),
    ("10.0.0.1", ["192.0.2.7, nonsense, 10.0.0.2"], "10.0.0.2"),
    ("10.0.0.1", ["192.0.2.7,"], "10.0.0.1"),
    ("::ffff:10.0.0.1", ["::ffff:192.0.2.7"], "192.0.2.7"),
    // Who is not trusted is not believed.
    ("192.0.2.9", ["192.0.2.7"], "192.0.2.9"), ("::1", ["192.0.2.7"], "::1"),
  ])
  func theClientIsTheLastWhoIsNotTrusted(
    peer: String, values: [String], client: String
  ) throws {
    let found = proxies.client(peer: try #require(IPAddress(peer)), values)
    #expect(found == IPAddress(client))
  }

  @Test func withoutTrustedProxiesThePeerIsTheClient() throws {
    let peer = try #require(IPAddress("127.0.0.1"))
    #expect(ForwardedFor(trusted: []).client(peer: peer, ["192.0.2.7"]) == peer)
  }

  @Test func theSettingIsAListOfNetworks() throws {
    #expect(
      try ForwardedFor.networks("x", "10.0.0.0/8,::1").map(\.description) == [
        "10.0.0.0/8", "::1/128",
      ])
    for text in ["", "10.0.0.0/8,", "10.0.0.0/8, ::1", "all"] {
      #expect(throws: SettingError.self) { try ForwardedFor.networks("x", text) }
    }
  }
}
