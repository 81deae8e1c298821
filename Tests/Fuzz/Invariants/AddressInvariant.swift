#if canImport(XgenServer)
  @testable import XgenServer
#endif

/// An address and a network are read back from their own spelling, and a network holds its first
/// and last address and not their neighbours. The input's first line are trusted networks, the
/// second the peer, the others the header's: the client is whom a naive reader of bytes finds, who
/// is the peer or listed, and trusted only if nobody behind them is known.
func checkAddress(_ input: FuzzInput) throws {
  let lines = input.bytes.split(separator: 0x0A, maxSplits: 15, omittingEmptySubsequences: false)
    .map { String(decoding: $0, as: UTF8.self) }
  let words = lines.flatMap { $0.split { ", ".contains($0) } }
  for word in words.prefix(32) {
    try checkIPAddress(word)
    try checkCIDR(word)
  }
  let trusted = lines[0].split(separator: ",").prefix(8).compactMap { CIDR($0) }
  let proxies = ForwardedFor(trusted: trusted)
  let values = Array(lines.dropFirst(2))
  for peer in [lines.dropFirst().first ?? "", "10.0.0.1", "::1"].compactMap({ IPAddress($0) }) {
    let client = proxies.client(peer: peer, values)
    let expected = naiveClient(trusted, peer, values)
    try require(client == expected, "\(client) != \(expected) of \(peer), \(values)")
    try require(
      client == peer || values.contains { named(client, in: $0) }, "out of nowhere: \(client)")
  }
}

private func checkIPAddress(_ text: Substring) throws {
  guard let address = IPAddress(text) else { return }
  try require(IPAddress("\(address)") == address, "read back otherwise: \(address)")
  try require(!"\(address)".hasPrefix("::ffff:") || "\(address)".contains("::ffff:0:"), "\(text)")
  try require(address.network.contains(address), "not in its own network: \(address)")
  try require(CIDR("\(address)") != nil, "no network of one: \(address)")
}

private func checkCIDR(_ text: Substring) throws {
  guard let network = CIDR(text) else { return }
  try require(CIDR("\(network)") == network, "read back otherwise: \(network)")
  try require(network.contains(network.address), "its own address is not in \(network)")
  let first = bits(network.address)
  let size = first.count - network.prefixLength
  try require(first.suffix(size).allSatisfy { !$0 }, "bits behind the prefix: \(text)")
  let last = first.prefix(network.prefixLength) + [Bool](repeating: true, count: size)
  try require(network.contains(address(Array(last))), "its last address is not in \(network)")
  // Another bit inside the prefix.
  for index in first.indices.prefix(network.prefixLength) {
    var other = first
    other[index].toggle()
    try require(!network.contains(address(other)), "\(address(other)) is in \(network)")
  }
}

private func bits(_ address: IPAddress) -> [Bool] {
  func bits(_ number: some FixedWidthInteger) -> [Bool] {
    (0..<number.bitWidth).reversed().map { number >> $0 & 1 == 1 }
  }
  switch address {
  case .v4(let number): return bits(number)
  case .v6(let high, let low): return bits(high) + bits(low)
  }
}

private func address(_ bits: [Bool]) -> IPAddress {
  func number(_ bits: some Sequence<Bool>) -> UInt64 { bits.reduce(0) { $0 << 1 | ($1 ? 1 : 0) } }
  guard bits.count == 128 else { return .v4(UInt32(number(bits))) }
  return .v6(number(bits.prefix(64)), number(bits.suffix(64)))
}

// MARK: X-Forwarded-For

/// From the right, for as long as the last one is trusted and the next one is an address.
private func naiveClient(_ trusted: [CIDR], _ peer: IPAddress, _ values: [String]) -> IPAddress {
  var known = [peer]
  for entry in values.flatMap(entries).reversed() {
    guard trusted.contains(where: { $0.contains(known.last!) }), let next = IPAddress(entry) else {
      break
    }
    known.append(next)
  }
  return known.last!
}

private func named(_ address: IPAddress, in value: String) -> Bool {
  entries(value).contains { IPAddress($0) == address }
}

/// By bytes, which is how every proxy reads and appends.
private func entries(_ value: String) -> [String] {
  Array(value.utf8).split(separator: 0x2C, omittingEmptySubsequences: false).map { entry in
    let start = entry.drop { $0 == 0x20 || $0 == 0x09 }
    let end = start.reversed().drop { $0 == 0x20 || $0 == 0x09 }
    return String(decoding: end.reversed(), as: UTF8.self)
  }
}
