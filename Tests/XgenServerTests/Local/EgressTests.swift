import Glibc
import Testing

@testable import XgenServer

/// The pure parts of a sandbox's way to the internet. What it does is shown by
/// Tests/Conformance/test_network.py.
@Suite struct EgressTests {
  @Test func resolversAreThoseThatASandboxCanReach() {
    let text = """
      # nameserver 192.0.2.1
      search example.org
      nameserver 127.0.0.53
      nameserver\t192.168.1.1  trailing
      nameserver 192.168.1.1
      nameserver ::1
      nameserver fe80::1%eth0
      nameserver fe80::1
      nameserver resolver.example
      nameserver 2001:db8::53
      nameserver
      nameserver 0.0.0.0
      nameserver 9.9.9.9
      nameserver 8.8.8.8
      """
    let found = Resolvers.parse(text)
    #expect(found.map(\.description) == ["192.168.1.1", "2001:db8::53", "9.9.9.9"])
    #expect(
      Resolvers.file(found)
        == "nameserver 192.168.1.1\nnameserver 2001:db8::53\nnameserver 9.9.9.9\n"
        + "options timeout:3 attempts:2\n")
    #expect(Resolvers.parse("") == [])
  }

  @Test func theFilterNamesResolversBeforeWhatIsRefused() throws {
    let filter = EgressFilter(
      resolvers: [try #require(IPAddress("10.0.0.53")), try #require(IPAddress("fd00::53"))],
      hostNetworks: [
        try #require(CIDR("203.0.113.0/24")), try #require(CIDR("2001:db8:1::/64")),
      ])
    let text = filter.text
    let wanted = [
      "169.254.0.0/16", "192.168.0.0/16", "240.0.0.0/4, 203.0.113.0/24 }",
      "8000::/1, 2001:db8:1::/64 }",
      "oifname \"lo\" accept", "ip daddr 10.0.0.53 udp dport 53 accept",
      "ip daddr 10.0.0.53 tcp dport 53 accept", "ip6 daddr fd00::53 udp dport 53 accept",
      "ip daddr @refused4 reject with icmp", "ip6 daddr @refused6 meta l4proto tcp reject",
      "ip6 daddr @refused6 reject with icmpv6",
    ]
    var rest = text[...]
    for piece in wanted {
      let range = try #require(rest.firstRange(of: piece), "\(piece) in \(text)")
      rest = rest[range.upperBound...]
    }
  }

  @Test func everythingThatIsNotGlobalIsRefused() throws {
    let refused = (EgressFilter.refused4 + EgressFilter.refused6).compactMap { CIDR($0) }
    #expect(refused.count == EgressFilter.refused4.count + EgressFilter.refused6.count)
    for text in [
      "0.0.0.0", "10.255.255.255", "100.64.0.1", "100.127.255.255", "127.0.0.1", "169.254.169.254",
      "172.16.0.1", "172.31.255.255", "192.168.0.1", "198.19.255.255", "224.0.0.1",
      "255.255.255.255", "::", "::1", "64:ff9b::a00:1", "100::1", "2002:a00:1::", "2001:0:a00::1",
      "fc00::1", "fd12:3456::1", "fe80::1", "fec0::1", "ff02::1", "4000::1",
    ] {
      let address = try #require(IPAddress(text))
      #expect(refused.contains { $0.contains(address) }, "\(text)")
    }
    for text in [
      "1.1.1.1", "9.9.9.9", "100.63.255.255", "100.128.0.1", "172.15.0.1", "172.32.0.1",
      "192.167.1.1", "198.17.0.1", "223.255.255.255", "2001:4860:4860::8888", "2606:4700::1111",
      "2a00:1450::1", "3fff::1",
    ] {
      let address = try #require(IPAddress(text))
      #expect(!refused.contains { $0.contains(address) }, "\(text)")
    }
  }

  @Test(arguments: [
    ("255.255.255.255", 32), ("255.255.240.0", 20), ("0.0.0.0", 0), ("ffff:ffff:ffff:ffff::", 64),
    ("ffff::", 16), ("ffff:ffff:ffff:ffff:8000::", 65), ("::", 0),
  ])
  func masksHaveALength(_ mask: String, _ length: Int) throws {
    #expect(try #require(IPAddress(mask)).leadingOnes == length)
  }

  @Test func theHostIsPartOfItsLoopback() throws {
    let networks = try HostNetworks.read()
    #expect(networks.contains { $0.contains(.v4(0x7F00_0001)) })
    #expect(networks.allSatisfy { $0.prefixLength > 0 })
  }

  @Test func aDefaultRouteIsSeen() {
    let head =
      "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
    let local = "eth0\t0002000A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
    let route = "eth0\t00000000\t0202000A\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
    #expect(NamespaceRoutes.hasDefault4(head + local + route))
    #expect(!NamespaceRoutes.hasDefault4(head + local) && !NamespaceRoutes.hasDefault4(""))
    let zeros = String(repeating: "0", count: 32)
    let nowhere = "\(zeros) 00 \(zeros) 00 \(zeros) ffffffff 00000001 00000000 00200200       lo\n"
    let gateway = "\(zeros) 00 \(zeros) 00 \(zeros) 00000400 00000001 00000000 00000003     eth0\n"
    #expect(NamespaceRoutes.hasDefault6(nowhere + gateway))
    #expect(!NamespaceRoutes.hasDefault6(nowhere) && !NamespaceRoutes.hasDefault6(""))
  }

  @Test func aPastaIsKnownByItsName() {
    let directory = DataDirectory(path: "/data")
    #expect(directory.sandboxID(ofPasta: directory.pasta("abc")) == "abc")
    for other in ["", "pasta", "/usr/bin/pasta", "/data/sandboxes/abc/home/pasta", "/abc/pasta"] {
      #expect(directory.sandboxID(ofPasta: other) == nil, "\(other)")
    }
  }

  @Test func nothingLeadsFromOneSideToTheOther() {
    let words = Egress.arguments(4711)
    #expect(words.contains("--no-map-gw") && words.contains("/proc/4711/ns/net"))
    // Of both families, or pasta would give a sandbox the host's own.
    #expect(words.filter { $0 == "--address" }.count == 2)
    #expect(words.filter { $0 == "--gateway" }.count == 2)
    for option in ["-t", "-u", "-T", "-U"] {
      #expect(words.firstIndex(of: option).map { words[$0 + 1] } == "none", "\(option)")
    }
  }
}
