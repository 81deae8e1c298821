/// The name under which a port of a sandbox is reached from outside, in a Host header:
///
/// ```
/// sbx-{id}-{port}.{domain}[.][:{port of the server}]
/// ```
///
/// The id may hold dashes and be of any length: the port is what follows the last dash.
struct PreviewHost: Equatable, Sendable {
  /// In lower case: letters, digits and dashes. Whether there is such a sandbox, the catalog says.
  let id: String
  /// The port inside of the sandbox; not 0.
  let port: UInt16

  private static let prefix = "sbx-"

  /// Nil if `host` names no preview. In any case, with or without a port, and with or without the
  /// dot of the root; `domain` may have a port, too, which does not matter either.
  init?(_ host: String, domain: String) {
    guard var name = Self.name(host.utf8[...]), let domain = Self.name(domain.utf8[...]),
      name.count > domain.count, name.suffix(domain.count).elementsEqual(domain)
    else { return nil }
    name.removeLast(domain.count)
    guard name.popLast() == UInt8(ascii: "."), name.starts(with: Self.prefix.utf8),
      let dash = name.lastIndex(of: UInt8(ascii: "-")), dash > Self.prefix.utf8.count,
      let port = Self.port(name[(dash + 1)...])
    else { return nil }
    let id = name[Self.prefix.utf8.count..<dash]
    guard id.allSatisfy(Self.isIDByte) else { return nil }
    self.id = String(decoding: id, as: UTF8.self)
    self.port = port
  }

  /// The name alone, in lower case; nil if what follows a colon is no port.
  private static func name(_ host: Substring.UTF8View) -> [UInt8]? {
    var name = host.prefix { $0 != UInt8(ascii: ":") }
    let port = host[name.endIndex...].dropFirst()
    guard port.count <= 5, port.allSatisfy(isDigit),
      port.isEmpty || UInt16(Substring(port)) != nil
    else { return nil }
    if name.last == UInt8(ascii: ".") { name.removeLast() }
    return name.map { 65...90 ~= $0 ? $0 | 0x20 : $0 }
  }

  /// 1–65535, without leading zeros: every port has one name.
  private static func port(_ digits: ArraySlice<UInt8>) -> UInt16? {
    guard digits.allSatisfy(isDigit), digits.first != UInt8(ascii: "0") else { return nil }
    return UInt16(String(decoding: digits, as: UTF8.self))
  }

  private static func isIDByte(_ byte: UInt8) -> Bool {
    isDigit(byte) || byte == UInt8(ascii: "-")
      || UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte
  }

  private static func isDigit(_ byte: UInt8) -> Bool {
    UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte
  }
}
