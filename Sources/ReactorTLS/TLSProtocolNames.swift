internal import COpenSSL

/// Application-layer protocol negotiation (RFC 7301): which protocol is spoken inside.
///
/// ```
/// ProtocolNameList: ( length: 1 byte ≥ 1 | name )*
/// ```
public enum TLSProtocolNames {
  public static let http11 = "http/1.1"

  /// Precondition: names of 1 to 255 bytes.
  static func encode(_ names: [String]) -> [UInt8] {
    names.flatMap { name in
      precondition((1...255).contains(name.utf8.count), "an ALPN name has 1 to 255 bytes")
      return [UInt8(name.utf8.count)] + Array(name.utf8)
    }
  }

  /// Where `name` stands in a client's list; nil if it is not there or the list is malformed.
  static func find(_ name: StaticString, in list: UnsafeRawBufferPointer) -> Range<Int>? {
    var found: Range<Int>?
    var offset = 0
    while offset < list.count {
      let start = offset + 1
      let end = start + Int(list[offset])
      if end == start || end > list.count { return nil }
      let isName = name.withUTF8Buffer { $0.elementsEqual(list[start..<end]) }
      if isName && found == nil { found = start..<end }
      offset = end
    }
    return found
  }

  /// A server's choice: http/1.1, or the alert no_application_protocol. OpenSSL does not ask when
  /// the client left the extension out.
  static func install(in context: OpaquePointer) {
    SSL_CTX_set_alpn_select_cb(
      context,
      { _, chosen, chosenCount, offered, count, _ in
        let list = UnsafeRawBufferPointer(start: offered, count: Int(count))
        guard let chosen, let chosenCount, let offered,
          let range = TLSProtocolNames.find("http/1.1", in: list)
        else { return SSL_TLSEXT_ERR_ALERT_FATAL }
        chosen.pointee = offered + range.lowerBound
        chosenCount.pointee = UInt8(range.count)
        return SSL_TLSEXT_ERR_OK
      }, nil)
  }
}
