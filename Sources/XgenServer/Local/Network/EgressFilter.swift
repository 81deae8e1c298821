/// The packet filter inside the network namespace of a sandbox that reaches the internet, as nft(8)
/// reads it.
///
/// It looks at what goes out, whatever the route: no socket option of a program inside leads around
/// it, and none can change it (that needs CAP_NET_ADMIN in the namespace's owner). Refused packets
/// are answered, so that connects fail at once: by ICMP, over IPv6 by a reset, since there the ICMP
/// comes while the connecting socket is busy, and is no more than a hint to it (tcp(7)).
struct EgressFilter: Sendable, Equatable {
  /// May be asked at port 53 wherever they are.
  let resolvers: [IPAddress]
  /// Networks of the host, refused beside those that nobody may reach.
  let hostNetworks: [CIDR]

  /// Not globally reachable (RFC 6890 and its registry), and multicast: this network, private,
  /// carriers' NAT, loopback, link-local (metadata services), protocol assignments, benchmarking.
  static let refused4 = [
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
    "192.0.0.0/24", "192.168.0.0/16", "198.18.0.0/15", "224.0.0.0/4", "240.0.0.0/4",
  ]
  /// Global unicast is 2000::/3 and nothing else. Of that: Teredo, 6to4 and its like hold IPv4
  /// addresses, which could be any.
  static let refused6 = ["::/3", "2001::/32", "2002::/16", "4000::/2", "8000::/1"]

  var text: String {
    """
    table inet xgen {
      set refused4 {
        type ipv4_addr; flags interval; auto-merge
        elements = { \(list(Self.refused4, isV4: true)) }
      }
      set refused6 {
        type ipv6_addr; flags interval; auto-merge
        elements = { \(list(Self.refused6, isV4: false)) }
      }
      chain out {
        type filter hook output priority 0; policy accept;
        oifname "lo" accept
        icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit } accept
    \(resolvers.map(rules).joined())\
        ip daddr @refused4 reject with icmp admin-prohibited
        ip6 daddr @refused6 meta l4proto tcp reject with tcp reset
        ip6 daddr @refused6 reject with icmpv6 admin-prohibited
      }
    }

    """
  }

  private func list(_ refused: [String], isV4: Bool) -> String {
    let own = hostNetworks.filter { $0.isV4 == isV4 }.map(\.description)
    return (refused + own).joined(separator: ", ")
  }

  private func rules(_ resolver: IPAddress) -> String {
    let family = CIDR(single: resolver).isV4 ? "ip" : "ip6"
    return ["udp", "tcp"].map { "    \(family) daddr \(resolver) \($0) dport 53 accept\n" }.joined()
  }
}
