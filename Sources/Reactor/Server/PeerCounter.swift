/// Open connections by peer. It holds an entry only for peers that have some.
struct PeerCounter {
  /// An IPv4 address, or the /64 of an IPv6 one, which is what one customer is given.
  struct Key: Hashable, Sendable {
    private let network: UInt64
    private let isIPv6: Bool

    /// Nil for peers that are not counted: Unix sockets and loopback.
    init?(_ address: SocketAddress) {
      if address.isLoopback { return nil }
      switch address {
      case .unix: return nil
      case .ipv4(let address, _):
        network = UInt64(address)
        isIPv6 = false
      case .ipv6(let bytes, _):
        guard let mapped = Self.mappedIPv4(bytes) else {
          network = (0..<8).reduce(0) { $0 << 8 | UInt64(bytes[$1]) }
          isIPv6 = true
          return
        }
        if mapped >> 24 == 127 { return nil }
        network = UInt64(mapped)
        isIPv6 = false
      }
    }

    /// `::ffff:a.b.c.d`, as a listener for both families sees IPv4 peers.
    private static func mappedIPv4(_ bytes: SIMD16<UInt8>) -> UInt32? {
      let isMapped = (0..<10).allSatisfy { bytes[$0] == 0 } && bytes[10] == 255 && bytes[11] == 255
      return isMapped ? (12..<16).reduce(0) { $0 << 8 | UInt32(bytes[$1]) } : nil
    }
  }

  private var counts: [Key: Int] = [:]

  /// False, and nothing is counted, where the peer has its most already.
  mutating func add(_ peer: Key?, atMost limit: Int) -> Bool {
    guard let peer else { return true }
    let count = counts[peer, default: 0]
    if count >= limit { return false }
    counts[peer] = count + 1
    return true
  }

  mutating func remove(_ peer: Key?) {
    guard let peer, let count = counts[peer] else { return }
    counts[peer] = count > 1 ? count - 1 : nil
  }
}
