/// `Sec-WebSocket-Key` and the `Sec-WebSocket-Accept` that answers it (RFC 6455 §4.2.2).
public enum WebSocketKey {
  /// A client's key from 16 random bytes.
  public static func make(from random: (UInt64, UInt64)) -> String {
    withUnsafeBytes(of: random) { base64($0) }
  }

  /// The canonical Base64 of 16 bytes: 22 digits, of which the last carries four zero bits, and
  /// two signs of padding.
  public static func isValid(_ key: String) -> Bool {
    var key = key
    return key.withUTF8 { bytes in
      bytes.count == 24 && bytes[22] == padding && bytes[23] == padding
        && bytes[..<22].allSatisfy { value(of: $0) != nil }
        && value(of: bytes[21]).map { $0 & 0xF == 0 } == true
    }
  }

  /// The accept value for a key. `sha1` returns the 20 bytes of its argument's SHA-1.
  public static func accept(
    for key: String, sha1: (UnsafeRawBufferPointer) -> [UInt8]
  ) -> String {
    var text = key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
    let digest = text.withUTF8 { sha1(UnsafeRawBufferPointer($0)) }
    return digest.withUnsafeBytes { base64($0) }
  }

  private static let digits = Array(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
  /// Of a digit of Base64.
  private static func value(of digit: UInt8) -> UInt8? {
    switch digit {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"): digit - UInt8(ascii: "A")
    case UInt8(ascii: "a")...UInt8(ascii: "z"): digit - UInt8(ascii: "a") + 26
    case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0") + 52
    case UInt8(ascii: "+"): 62
    case UInt8(ascii: "/"): 63
    default: nil
    }
  }

  private static let padding = UInt8(ascii: "=")

  /// RFC 4648 §4.
  private static func base64(_ bytes: UnsafeRawBufferPointer) -> String {
    var text: [UInt8] = []
    text.reserveCapacity((bytes.count + 2) / 3 * 4)
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let group = (0..<3).reduce(0) { group, place in
        group << 8 | (start + place < bytes.count ? Int(bytes[start + place]) : 0)
      }
      let digitCount = min(3, bytes.count - start) + 1
      for place in 0..<4 {
        text.append(place < digitCount ? digits[group >> (18 - 6 * place) & 0x3F] : padding)
      }
    }
    return String(decoding: text, as: UTF8.self)
  }
}
