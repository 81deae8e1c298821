internal import Glibc

/// A place to listen at or to connect to: a numeric TCP address or the path of a Unix socket.
public enum SocketAddress: Sendable, Hashable, CustomStringConvertible {
  case ipv4(address: UInt32, port: UInt16)
  case ipv6(address: SIMD16<UInt8>, port: UInt16)
  case unix(path: String)

  /// `127.0.0.1:8080`, `[::1]:8080`, `:8080` (every IPv6 and IPv4 address), `localhost:8080`
  /// (127.0.0.1) or `unix:/path`. Other names are not resolved. Nil if it is none of these.
  public init?(parsing text: String) {
    if text.utf8.contains(0) { return nil }  // would end the C forms early
    if text.hasPrefix("unix:") {
      let path = String(text.dropFirst(5))
      guard !path.isEmpty, path.utf8.count < Self.maxPathBytes else { return nil }
      self = .unix(path: path)
      return
    }
    guard let colon = text.lastIndex(of: ":"),
      let port = Self.port(text[text.index(after: colon)...])
    else { return nil }
    switch text[..<colon] {
    case "": self = .ipv6(address: SIMD16(repeating: 0), port: port)
    case "localhost": self = .loopback(port: port)
    case let host: self.init(host: host, port: port)
    }
  }

  public static func loopback(port: UInt16) -> SocketAddress {
    .ipv4(address: 0x7F00_0001, port: port)
  }

  /// Bytes of a Unix socket's path with its final NUL (unix(7)).
  public static let maxPathBytes = 108

  private static func port(_ digits: Substring) -> UInt16? {
    guard (1...5).contains(digits.utf8.count), digits.utf8.allSatisfy({ (48...57).contains($0) })
    else { return nil }
    return UInt16(digits)
  }

  private init?(host: Substring, port: UInt16) {
    if host.hasPrefix("["), host.hasSuffix("]") {
      var parsed = in6_addr()
      guard inet_pton(AF_INET6, String(host.dropFirst().dropLast()), &parsed) == 1 else {
        return nil
      }
      let bytes = withUnsafeBytes(of: parsed) { $0.loadUnaligned(as: SIMD16<UInt8>.self) }
      self = .ipv6(address: bytes, port: port)
    } else {
      var parsed = in_addr()
      guard inet_pton(AF_INET, String(host), &parsed) == 1 else { return nil }
      self = .ipv4(address: UInt32(bigEndian: parsed.s_addr), port: port)
    }
  }

  public var port: UInt16? {
    switch self {
    case .ipv4(_, let port), .ipv6(_, let port): port
    case .unix: nil
    }
  }

  /// The address without its port; a Unix path for a Unix socket.
  public var host: String {
    switch self {
    case .ipv4(let address, _):
      return "\(address >> 24).\(address >> 16 & 255).\(address >> 8 & 255).\(address & 255)"
    case .ipv6(let address, _):
      return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { text in
        var bytes = address
        inet_ntop(AF_INET6, &bytes, text.baseAddress, 64)
        return String(cString: text.baseAddress!)
      }
    case .unix(let path): return path
    }
  }

  public var isLoopback: Bool {
    switch self {
    case .ipv4(let address, _): return address >> 24 == 127
    case .ipv6(let address, _):
      var loopback = SIMD16<UInt8>(repeating: 0)
      loopback[15] = 1
      return address == loopback
    case .unix: return true
    }
  }

  public var description: String {
    switch self {
    case .ipv4(_, let port): "\(host):\(port)"
    case .ipv6(_, let port): "[\(host)]:\(port)"
    case .unix(let path): "unix:\(path)"
    }
  }

  // MARK: The C forms

  var family: Int32 {
    switch self {
    case .ipv4: AF_INET
    case .ipv6: AF_INET6
    case .unix: AF_UNIX
    }
  }

  /// Lends the sockaddr; nil when a path is too long for one.
  func withSockaddr<R>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> R) -> R? {
    var storage = sockaddr_storage()
    let length = withUnsafeMutableBytes(of: &storage) { fill($0) }
    guard length > 0 else { return nil }
    return withUnsafePointer(to: &storage) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(length)) }
    }
  }

  private func fill(_ storage: UnsafeMutableRawBufferPointer) -> Int {
    switch self {
    case .ipv4(let address, let port):
      var value = sockaddr_in()
      value.sin_family = sa_family_t(AF_INET)
      value.sin_port = port.bigEndian
      value.sin_addr.s_addr = address.bigEndian
      storage.storeBytes(of: value, as: sockaddr_in.self)
      return MemoryLayout<sockaddr_in>.size
    case .ipv6(let address, let port):
      var value = sockaddr_in6()
      value.sin6_family = sa_family_t(AF_INET6)
      value.sin6_port = port.bigEndian
      withUnsafeMutableBytes(of: &value.sin6_addr) {
        $0.storeBytes(of: address, as: SIMD16<UInt8>.self)
      }
      storage.storeBytes(of: value, as: sockaddr_in6.self)
      return MemoryLayout<sockaddr_in6>.size
    case .unix(let path):
      var path = path
      return path.withUTF8 { bytes in
        guard bytes.count < Self.maxPathBytes, !bytes.contains(0) else { return 0 }
        storage.storeBytes(of: sa_family_t(AF_UNIX), as: sa_family_t.self)
        storage[2 + bytes.count] = 0
        UnsafeMutableRawBufferPointer(rebasing: storage[2...]).copyMemory(from: .init(bytes))
        return 2 + bytes.count + 1
      }
    }
  }

  private init?(_ storage: sockaddr_storage) {
    let parsed: SocketAddress? = withUnsafeBytes(of: storage) { bytes in
      switch Int32(storage.ss_family) {
      case AF_INET:
        let value = bytes.load(as: sockaddr_in.self)
        return .ipv4(
          address: UInt32(bigEndian: value.sin_addr.s_addr), port: UInt16(bigEndian: value.sin_port)
        )
      case AF_INET6:
        let value = bytes.load(as: sockaddr_in6.self)
        let address = withUnsafeBytes(of: value.sin6_addr) {
          $0.loadUnaligned(as: SIMD16<UInt8>.self)
        }
        return .ipv6(address: address, port: UInt16(bigEndian: value.sin6_port))
      default: return nil
      }
    }
    guard let parsed else { return nil }
    self = parsed
  }

  /// The address a socket is bound to.
  static func local(of descriptor: Int32) -> SocketAddress? { named(descriptor, getsockname) }

  /// The address of a socket's peer, nil for Unix sockets.
  static func peer(of descriptor: Int32) -> SocketAddress? { named(descriptor, getpeername) }

  private static func named(
    _ descriptor: Int32,
    _ call: (Int32, UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Int32
  ) -> SocketAddress? {
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let status = withUnsafeMutablePointer(to: &storage) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { call(descriptor, $0, &length) }
    }
    return status == 0 ? SocketAddress(storage) : nil
  }
}
