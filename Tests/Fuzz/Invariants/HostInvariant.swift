#if canImport(Reactor)
  @testable import Reactor
#endif
#if canImport(XgenServer)
  @testable import XgenServer
#endif

/// A host and an origin are read back from their own spelling; a preview's name is found exactly where a naive
/// reader finds it, in any case, and never in a Host that the API answers to; the name made for
/// an id and a port is read back.
func checkHost(_ input: FuzzInput) throws {
  let text = String(decoding: input.bytes, as: UTF8.self)
  try checkHTTPHost(text)
  try checkOrigin(text)
  for domain in ["preview.localhost:8080", "P.example"] {
    let found = named(text, in: domain)
    let expected = naivePreview(text, domain)
    try require(
      found?.id == expected?.id && found?.port == expected?.port,
      "\(text): \(String(describing: found)) != \(String(describing: expected))")
    if let found { try checkSpelled(found, domain) }
  }
  try checkMadeName(input)
}

private func checkHTTPHost(_ text: String) throws {
  guard let host = HTTPHost(text) else { return }
  let spelled = host.port.map { "\(host.name):\($0)" } ?? host.name
  try require(HTTPHost(spelled) == host, "read back otherwise: \(spelled)")
  try require(host.name == host.name.lowercased(), "not in lower case: \(host.name)")
  try require(
    !host.name.utf8.contains { $0 <= 0x20 || $0 >= 0x7F || [0x2F, 0x40, 0x2C].contains($0) },
    "no host: \(host.name)")
}

private func checkOrigin(_ text: String) throws {
  guard let origin = HTTPOrigin(text) else { return }
  let host = "\(origin.scheme)://\(origin.host)"
  let spelled = origin.port.map { "\(host):\($0)" } ?? host
  try require(HTTPOrigin(spelled) == origin, "read back otherwise: \(spelled)")
  try require(
    text.lowercased().hasPrefix(host)
      && !text.dropFirst(host.count).contains { "/?#@ ".contains($0) },
    "more than an origin: \(text)")
}

private func checkSpelled(_ preview: PreviewHost, _ domain: String) throws {
  let name = "sbx-\(preview.id)-\(preview.port).\(domain)"
  try require(named(name, in: domain) == preview, "read back otherwise: \(name)")
  try require(HTTPHost(name) != nil, "a name that is no host: \(name)")
}

/// What a Host header leads to, if the server lets it pass.
private func named(_ host: String, in domain: String) -> PreviewHost? {
  guard HTTPHost(host) != nil else { return nil }
  let match = Array(host.utf8).withUnsafeBytes { PreviewDomain(domain).match($0) }
  guard case .preview(let preview) = match else { return nil }
  return preview
}

/// Any bytes, made letters, digits and dashes, as an id.
private func checkMadeName(_ input: FuzzInput) throws {
  let letters = Array("abcdefghijklmnopqrstuvwxyz234567--".utf8)
  let id = String(
    decoding: input.bytes.prefix(80).map { letters[Int($0) % letters.count] }, as: UTF8.self)
  let port = UInt16(truncatingIfNeeded: input.seed) | 1
  let name = "SBX-\(id.uppercased())-\(port).preview.LOCALHOST.:80"
  let found = named(name, in: "preview.localhost")
  try require(
    id.isEmpty ? found == nil : found?.id == id && found?.port == port, "lost: \(id), \(port)")
}

/// As slow and plain as it can be said.
private func naivePreview(_ host: String, _ domain: String) -> (id: String, port: UInt16)? {
  guard host.utf8.allSatisfy({ $0 < 0x80 }) else { return nil }
  var labels = host.lowercased().split(separator: ".", omittingEmptySubsequences: false)
  if let colon = labels.last?.firstIndex(of: ":") {
    let port = labels.last![colon...].dropFirst()
    guard port.isEmpty || UInt16(port) != nil, port.allSatisfy(\.isNumber), port.count <= 5 else {
      return nil
    }
    labels[labels.count - 1] = labels.last![..<colon]
  }
  if labels.last == "" { labels.removeLast() }
  let name = domain.lowercased().prefix { $0 != ":" }
  let expected = name.split(separator: ".", omittingEmptySubsequences: false)
  guard labels.count == expected.count + 1, labels.dropFirst().elementsEqual(expected) else {
    return nil
  }
  let parts = labels[0].split(separator: "-", omittingEmptySubsequences: false)
  let id = parts.dropFirst().dropLast().joined(separator: "-")
  guard parts.count >= 3, parts[0] == "sbx", !id.isEmpty, let port = UInt16(parts.last!), port > 0,
    String(port) == parts.last!
  else { return nil }
  let isID = id.allSatisfy { $0 == "-" || ("a"..."z").contains($0) || ("0"..."9").contains($0) }
  return isID ? (id, port) : nil
}
