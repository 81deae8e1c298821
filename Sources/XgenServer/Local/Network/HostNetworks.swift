internal import Glibc
internal import Reactor

/// The networks that this host is part of, and so those of its neighbours.
enum HostNetworks {
  /// Of every interface, as its address and mask say; loopback's as well. Blocks.
  static func read() throws(LocalError) -> [CIDR] {
    var list: UnsafeMutablePointer<ifaddrs>?
    try attempt("getifaddrs") { getifaddrs(&list) }
    defer { freeifaddrs(list) }
    var found: [CIDR] = []
    var next = list
    while let entry = next {
      if let network = network(entry.pointee) { found.append(network) }
      next = entry.pointee.ifa_next
    }
    return found
  }

  private static func network(_ entry: ifaddrs) -> CIDR? {
    guard let address = IPAddress(entry.ifa_addr) else { return nil }
    let length = IPAddress(entry.ifa_netmask)?.leadingOnes ?? 0
    // A mask of no bits would be the whole internet: the address alone is meant.
    return length > 0 ? CIDR(address, prefixLength: length) : CIDR(single: address)
  }
}

extension IPAddress {
  /// Nil for other families, and for no address.
  fileprivate init?(_ address: UnsafeMutablePointer<sockaddr>?) {
    guard let address else { return nil }
    let raw = UnsafeRawPointer(address)
    switch Int32(address.pointee.sa_family) {
    case AF_INET:
      let v4 = raw.loadUnaligned(as: sockaddr_in.self)
      self.init(.ipv4(address: UInt32(bigEndian: v4.sin_addr.s_addr), port: 0))
    case AF_INET6:
      let v6 = raw.loadUnaligned(as: sockaddr_in6.self)
      let bytes = withUnsafeBytes(of: v6.sin6_addr) { $0.loadUnaligned(as: SIMD16<UInt8>.self) }
      self.init(.ipv6(address: bytes, port: 0))
    default: return nil
    }
  }

  /// Of a mask: the length of its prefix.
  var leadingOnes: Int {
    switch self {
    case .v4(let bits): (~bits).leadingZeroBitCount
    case .v6(let high, let low):
      ~high == 0 ? 64 + (~low).leadingZeroBitCount : (~high).leadingZeroBitCount
    }
  }
}
