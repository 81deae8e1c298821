internal import Glibc

/// What the hosts that were asked for lately mean. Nearly every request names one of them, and
/// reading a preview's name anew is a twentieth of its request's work. Memory is bounded: a host
/// takes another one's place.
struct RecentHosts {
  static let count = 256
  static let maxHostBytes = 128

  private struct Entry {
    let host: [UInt8]
    let match: PreviewDomain.Match
  }

  private let domain: PreviewDomain
  private var entries = [Entry?](repeating: nil, count: count)

  init(_ domain: PreviewDomain) { self.domain = domain }

  /// As `PreviewDomain.match`.
  mutating func match(_ host: UnsafeRawBufferPointer?) -> PreviewDomain.Match {
    guard let host, !host.isEmpty, host.count <= Self.maxHostBytes else {
      return domain.match(host)
    }
    let place = Self.place(host)
    if let entry = entries[place], entry.host.count == host.count,
      entry.host.withUnsafeBytes({ memcmp($0.baseAddress!, host.baseAddress!, host.count) == 0 })
    {
      return entry.match
    }
    let match = domain.match(host)
    entries[place] = Entry(host: Array(host), match: match)
    return match
  }

  /// FNV-1a. Whoever finds hosts that share a place makes their own requests dearer by the reading.
  private static func place(_ host: UnsafeRawBufferPointer) -> Int {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in host { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    return Int(truncatingIfNeeded: hash ^ hash >> 32) & (count - 1)
  }
}
