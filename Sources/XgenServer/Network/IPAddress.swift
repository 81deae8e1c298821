internal import Glibc
internal import Reactor

/// A numeric address of the internet protocols, without a port. An IPv4 address that is written
/// as an IPv6 one (`::ffff:192.0.2.1`) is the IPv4 address.
enum IPAddress: Hashable, Sendable {
  case v4(UInt32)
  /// The first and the last 64 bits.
  case v6(UInt64, UInt64)

  /// Nil unless `text` is exactly an address: no port, no brackets, no zone, no blanks.
  init?(_ text: some StringProtocol) {
    guard text.utf8.count <= Self.maxTextBytes, !text.utf8.contains(0) else { return nil }
    var v4 = in_addr()
    var v6 = in6_addr()
    if inet_pton(AF_INET, String(text), &v4) == 1 {
      self = .v4(UInt32(bigEndian: v4.s_addr))
    } else if inet_pton(AF_INET6, String(text), &v6) == 1 {
      self.init(bytes: withUnsafeBytes(of: v6) { $0.loadUnaligned(as: SIMD16<UInt8>.self) })
    } else {
      return nil
    }
  }

  /// Nil for a Unix socket's.
  init?(_ address: SocketAddress) {
    switch address {
    case .ipv4(let address, _): self = .v4(address)
    case .ipv6(let address, _): self.init(bytes: address)
    case .unix: return nil
    }
  }

  private static let maxTextBytes = 45

  private init(bytes: SIMD16<UInt8>) {
    func word(_ range: Range<Int>) -> UInt64 { range.reduce(0) { $0 << 8 | UInt64(bytes[$1]) } }
    let (high, low) = (word(0..<8), word(8..<16))
    self = high == 0 && low >> 32 == 0xFFFF ? .v4(UInt32(truncatingIfNeeded: low)) : .v6(high, low)
  }

  /// Whom to count: an IPv6 customer has a /64, and with it 2^64 addresses.
  var network: CIDR {
    switch self {
    case .v4: CIDR(self, prefixLength: 32)
    case .v6: CIDR(self, prefixLength: 64)
    }
  }

  fileprivate var socketAddress: SocketAddress {
    switch self {
    case .v4(let address): return .ipv4(address: address, port: 0)
    case .v6(let high, let low):
      var bytes = SIMD16<UInt8>(repeating: 0)
      for index in 0..<8 {
        bytes[index] = UInt8(truncatingIfNeeded: high >> (56 - 8 * UInt64(index)))
        bytes[index + 8] = UInt8(truncatingIfNeeded: low >> (56 - 8 * UInt64(index)))
      }
      return .ipv6(address: bytes, port: 0)
    }
  }
}

extension IPAddress: CustomStringConvertible {
  var description: String { socketAddress.host }
}

/// A network: an address and how many of its first bits count (RFC 4632 §3.1).
struct CIDR: Hashable, Sendable {
  /// Its bits behind the prefix are 0.
  let address: IPAddress
  let prefixLength: Int

  /// Precondition: the length fits the family.
  init(_ address: IPAddress, prefixLength: Int) {
    self.address = Self.masked(address, prefixLength)
    self.prefixLength = prefixLength
  }

  /// `10.0.0.0/8`, `fd00::/8`, or one address. Nil for anything else, bits behind the prefix
  /// included: whoever wrote them means something else than we would read.
  init?(_ text: some StringProtocol) {
    let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    guard let address = parts.first.flatMap({ IPAddress($0) }) else { return nil }
    let bits = Self.bitCount(address)
    guard let length = parts.count == 1 ? bits : Self.number(parts[1]), length <= bits else {
      return nil
    }
    self.init(address, prefixLength: length)
    if self.address != address { return nil }
  }

  /// The network of one address alone.
  init(single address: IPAddress) {
    self.init(address, prefixLength: Self.bitCount(address))
  }

  var isV4: Bool { Self.bitCount(address) == 32 }

  func contains(_ other: IPAddress) -> Bool {
    Self.bitCount(other) == Self.bitCount(address) && Self.masked(other, prefixLength) == address
  }

  private static func number(_ text: some StringProtocol) -> Int? {
    let isDecimal = text.utf8.allSatisfy { (0x30...0x39).contains($0) }
    let isShortest = text.utf8.count == 1 || text.utf8.first != 0x30
    return isDecimal && isShortest && text.utf8.count <= 3 ? Int(text) : nil
  }

  private static func bitCount(_ address: IPAddress) -> Int {
    switch address {
    case .v4: 32
    case .v6: 128
    }
  }

  private static func masked(_ address: IPAddress, _ length: Int) -> IPAddress {
    switch address {
    case .v4(let bits): .v4(bits & ~(UInt32.max >> UInt32(length)))
    case .v6(let high, let low):
      .v6(high & ~(UInt64.max >> min(64, length)), low & ~(UInt64.max >> max(0, length - 64)))
    }
  }
}

extension CIDR: CustomStringConvertible {
  var description: String { "\(address)/\(prefixLength)" }
}
