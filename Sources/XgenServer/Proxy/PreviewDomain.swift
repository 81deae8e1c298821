/// The domain under which previews are served, and what a Host header has to do with it. Pure.
struct PreviewDomain: Sendable {
  enum Match: Equatable, Sendable {
    /// Nothing: it is the API's.
    case elsewhere
    /// It lies in the domain but names no port of a sandbox.
    case nameless
    case preview(PreviewHost)
  }

  /// In lower case, without a port and the dot of the root.
  private let name: [UInt8]

  /// A port in `domain` does not matter.
  init(_ domain: String) {
    var name = domain.utf8.prefix { $0 != UInt8(ascii: ":") }.map(\.asciiLowercased)
    if name.last == UInt8(ascii: ".") { name.removeLast() }
    self.name = name
  }

  /// Precondition: `host` is a host that has passed the parser, perhaps with a port.
  func match(_ host: UnsafeRawBufferPointer?) -> Match {
    guard let host, !name.isEmpty else { return .elsewhere }
    var end = host.lastIndex(of: UInt8(ascii: ":")) ?? host.count
    if end > 0, host[end - 1] == UInt8(ascii: ".") { end -= 1 }
    let start = end - name.count
    guard start >= 0, ends(host, at: start) else { return .elsewhere }
    if start == 0 { return .nameless }
    guard host[start - 1] == UInt8(ascii: ".") else { return .elsewhere }
    let label = UnsafeRawBufferPointer(rebasing: host[..<(start - 1)])
    return PreviewHost(label: label).map { .preview($0) } ?? .nameless
  }

  private func ends(_ host: UnsafeRawBufferPointer, at start: Int) -> Bool {
    for index in 0..<name.count where host[start &+ index].asciiLowercased != name[index] {
      return false
    }
    return true
  }
}
