/// Base64 for URLs and file names, without padding (RFC 4648 §5, RFC 7515 §2).
enum Base64URL {
  private static let codec = Base64Codec(characters62And63: "-_", isPadded: false)

  static func encode(_ bytes: [UInt8]) -> String { codec.encode(bytes) }

  static func encode(_ bytes: ArraySlice<UInt8>) -> String {
    bytes.withUnsafeBufferPointer { codec.encode($0) }
  }

  /// Strict: padding, white space and stray bits behind the last byte are refused, so that a
  /// token has one spelling only.
  static func decode(_ text: String) -> [UInt8]? { codec.decode(text) }
}
