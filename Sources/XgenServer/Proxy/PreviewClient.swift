internal import Reactor

/// How a request reached us, as the server in the sandbox is told (X-Forwarded-*, RFC 7239). Pure.
///
/// What the client itself sent in these fields is dropped, unless it is a proxy that we trust:
/// then what it says is kept, and we add the proxy.
struct PreviewClient: Sendable {
  /// Who connected to us; nil on a Unix socket.
  let peer: IPAddress?
  let isTrusted: Bool
  let isHTTPS: Bool

  /// Of a request over a connection that is `isEncrypted`.
  init(
    _ head: HTTPRequestHead, peer: IPAddress?, isEncrypted: Bool, trusting proxies: ForwardedFor
  ) {
    self.peer = peer
    isTrusted = !proxies.trusted.isEmpty && peer.map(proxies.isTrusted) == true
    isHTTPS = isTrusted ? Self.isToldHTTPS(head) ?? isEncrypted : isEncrypted
  }

  private static func isToldHTTPS(_ head: HTTPRequestHead) -> Bool? {
    guard let told = head.headers["x-forwarded-proto"] else { return nil }
    let first = told.prefix { $0 != "," && $0 != " " }
    if first.lowercased() == "https" { return true }
    return first.lowercased() == "http" ? false : nil
  }

  /// Whether a field of this name, be it with `_` for `-`, is dropped: ours stand for it, or nobody
  /// vouches for it.
  func drops(_ name: UnsafeRawBufferPointer) -> Bool {
    guard name.contains(UInt8(ascii: "_")) else { return dropsPlain(name) }
    let plain = name.map { $0 == UInt8(ascii: "_") ? UInt8(ascii: "-") : $0 }
    return plain.withUnsafeBytes { dropsPlain($0) }
  }

  private func dropsPlain(_ name: UnsafeRawBufferPointer) -> Bool {
    switch name.count {
    case 9:
      return name.spells("forwarded") || (!isTrusted && name.spells("x-real-ip"))
    case 15 where name.spells("x-forwarded-for"), 16 where name.spells("x-forwarded-host"),
      17 where name.spells("x-forwarded-proto"):
      return true
    case 12...:
      return !isTrusted
        && UnsafeRawBufferPointer(rebasing: name[..<12]).spells("x-forwarded-")
    default:
      return false
    }
  }

  /// Appends our four fields. `host` is what the client asked for.
  func append(to buffer: inout ByteBuffer, _ head: HTTPRequestHead, host: UnsafeRawBufferPointer) {
    let proto: StaticString = isHTTPS ? "https" : "http"
    buffer.append("X-Forwarded-For: ")
    appendTold("x-forwarded-for", head, to: &buffer, separator: ", ")
    appendPeer(to: &buffer)
    buffer.append("\r\nX-Forwarded-Proto: ")
    buffer.append(proto)
    buffer.append("\r\nX-Forwarded-Host: ")
    if !appendTold("x-forwarded-host", head, to: &buffer, separator: "") { buffer.append(host) }
    buffer.append("\r\nForwarded: ")
    appendTold("forwarded", head, to: &buffer, separator: ", ")
    appendForwarded(to: &buffer, host, proto)
    buffer.append("\r\n")
  }

  /// What a trusted proxy sent, all lines as one; false if there is nothing.
  @discardableResult
  private func appendTold(
    _ name: String, _ head: HTTPRequestHead, to buffer: inout ByteBuffer, separator: StaticString
  ) -> Bool {
    guard isTrusted else { return false }
    let told = head.headers.values(name).joined(separator: ", ")
    if told.isEmpty { return false }
    buffer.append(utf8: told)
    buffer.append(separator)
    return true
  }

  private func appendPeer(to buffer: inout ByteBuffer) {
    switch peer {
    case .v4(let bits):
      let (text, count) = Self.spelled(bits)
      withUnsafeBytes(of: text) { buffer.append(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
    case .v6: buffer.append(utf8: "\(peer!)")
    case nil: buffer.append("unknown")
    }
  }

  /// An IPv4 address as text: the first `count` bytes. Each request tells it twice.
  private static func spelled(_ bits: UInt32) -> (text: SIMD16<UInt8>, count: Int) {
    var text = SIMD16<UInt8>(repeating: UInt8(ascii: "."))
    var count = 0
    var rest = bits
    for _ in 0..<4 {
      let octet = UInt8(rest >> 24)
      rest <<= 8
      if octet >= 100 {
        text[count] = 48 + octet / 100
        count += 1
      }
      if octet >= 10 {
        text[count] = 48 + octet / 10 % 10
        count += 1
      }
      text[count] = 48 + octet % 10
      count += 2  // the dot is there
    }
    return (text, count - 1)
  }

  /// `for=192.0.2.1;host="a.example:8080";proto=http` (RFC 7239 §4, §6).
  private func appendForwarded(
    to buffer: inout ByteBuffer, _ host: UnsafeRawBufferPointer, _ proto: StaticString
  ) {
    buffer.append("for=")
    if case .v6 = peer {
      buffer.append("\"[")
      appendPeer(to: &buffer)
      buffer.append("]\"")
    } else {
      appendPeer(to: &buffer)
    }
    buffer.append(";host=\"")
    buffer.append(host)
    buffer.append("\";proto=")
    buffer.append(proto)
  }
}
