import Glibc
import Reactor

/// The server under load: where to connect, and its name for the Host header.
struct Target {
  struct Fault: Error {
    let reason: String
  }

  let url: String
  let address: SocketAddress
  /// Host and port as they stood in the URL.
  let host: String

  /// `http://HOST[:PORT]`; a name is resolved once, to IPv4.
  init(url: String) throws(Fault) {
    let scheme = "http://"
    guard url.hasPrefix(scheme) else {
      throw Fault(reason: "does not begin with http:// (TLS is not supported)")
    }
    var authority = url.dropFirst(scheme.count)
    if authority.hasSuffix("/") { authority = authority.dropLast() }
    guard !authority.isEmpty, !authority.contains(where: { "/?#@ ".contains($0) }) else {
      throw Fault(reason: "is not http://HOST:PORT")
    }
    self.url = scheme + authority
    host = String(authority)
    address = try Self.resolve(host)
  }

  private static func resolve(_ host: String) throws(Fault) -> SocketAddress {
    if let address = SocketAddress(parsing: host) ?? SocketAddress(parsing: host + ":80") {
      return address
    }
    let parts = host.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count <= 2, let name = parts.first, !name.isEmpty else {
      throw Fault(reason: "has no usable host and port")
    }
    let port = parts.count == 2 ? String(parts[1]) : "80"
    guard UInt16(port) != nil else { throw Fault(reason: "has no usable port") }
    guard let number = lookUp(String(name)),
      let address = SocketAddress(parsing: number + ":" + port)
    else { throw Fault(reason: "names a host that can't be resolved") }
    return address
  }

  /// The name's first IPv4 address, as text.
  private static func lookUp(_ name: String) -> String? {
    var hints = addrinfo()
    hints.ai_family = AF_INET
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var found: UnsafeMutablePointer<addrinfo>?
    guard getaddrinfo(name, nil, &hints, &found) == 0, let found else { return nil }
    defer { freeaddrinfo(found) }
    return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { text in
      let status = getnameinfo(
        found.pointee.ai_addr, found.pointee.ai_addrlen, text.baseAddress, 64, nil, 0,
        NI_NUMERICHOST)
      return status == 0 ? String(cString: text.baseAddress!) : nil
    }
  }
}
