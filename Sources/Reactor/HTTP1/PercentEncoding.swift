/// Percent-encoding of text (RFC 3986 §2.1). What it writes for a query, `PercentDecoding` reads
/// back.
public enum PercentEncoding {
  /// For a value in a query; slashes stay, for the reader's sake.
  public static func queryValue(_ text: String) -> String {
    encode(text) { ByteSet.unreserved.contains($0) || $0 == ASCII.slash }
  }

  /// For one segment of a path: slashes are encoded.
  public static func pathSegment(_ text: String) -> String {
    encode(text) { ByteSet.unreserved.contains($0) }
  }

  /// For a header's parameter in UTF-8 (RFC 8187 §3.2.1): `attr-char`s stay.
  static func parameterValue(_ text: String) -> String {
    encode(text) { ByteSet.token.contains($0) && !"%'*".utf8.contains($0) }
  }

  private static func encode(_ text: String, keeping: (UInt8) -> Bool) -> String {
    var encoded: [UInt8] = []
    encoded.reserveCapacity(text.utf8.count)
    for byte in text.utf8 {
      if keeping(byte) {
        encoded.append(byte)
      } else {
        encoded += [ASCII.percent, digit(byte >> 4), digit(byte & 15)]
      }
    }
    return String(decoding: encoded, as: UTF8.self)
  }

  private static func digit(_ value: UInt8) -> UInt8 {
    value < 10 ? ASCII.zero + value : UInt8(ascii: "A") + value - 10
  }
}
