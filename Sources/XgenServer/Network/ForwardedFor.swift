/// Whom a request comes from, where proxies that we trust stand before us (X-Forwarded-For:
/// `client, proxy 1, proxy 2`). Pure.
///
/// Each proxy adds at the right end whom it was called by, so the list is believed from there on
/// for as long as the one who wrote an entry is trusted. The first who is not is the client, and
/// what is left of it may be anything.
struct ForwardedFor: Sendable {
  let trusted: [CIDR]

  static let fieldName = "X-Forwarded-For"

  /// `values` are the header's lines in their order.
  func client(peer: IPAddress, _ values: [String]) -> IPAddress {
    guard isTrusted(peer) else { return peer }
    var client = peer
    // By bytes: a client may send what makes one character with the comma that a proxy adds.
    let entries = values.joined(separator: ",").utf8.split(
      separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
    for entry in entries.reversed() {
      // Nonsense is not believed; whoever passed it on is the last who is known.
      guard let address = IPAddress(Substring(entry).trimmingBlanks()) else { return client }
      client = address
      if !isTrusted(address) { return client }
    }
    return client
  }

  func isTrusted(_ address: IPAddress) -> Bool {
    trusted.contains { $0.contains(address) }
  }

  /// Reads `CIDR[,CIDR…]`; throws with the one that is none.
  static func networks(_ name: String, _ text: String) throws(SettingError) -> [CIDR] {
    var networks: [CIDR] = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      guard let network = CIDR(part) else {
        throw SettingError(
          name: name, problem: "'\(part)' is not a network such as 10.0.0.0/8 or fd00::/8")
      }
      networks.append(network)
    }
    return networks
  }
}
