/// Percent-decoding of URI components (RFC 3986 §2.1), once: what comes out is not looked at
/// again for a `%`.
enum PercentDecoding {
  /// The decoded text; nil if a `%` lacks its two digits, a byte should have been encoded, or the
  /// result holds a NUL or is not UTF-8.
  static func decode(_ bytes: UnsafeRawBufferPointer, plusIsSpace: Bool) -> String? {
    if isPlain(bytes) { return String(decoding: bytes, as: UTF8.self) }
    return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: bytes.count) { output in
      guard let result = decode(bytes, into: output, plusIsSpace) else { return nil }
      let text = UnsafeBufferPointer(rebasing: output[..<result.count])
      // `validating` costs a microsecond even for ASCII, which needs none.
      if result.isASCII { return String(decoding: text, as: UTF8.self) }
      return String(validating: text, as: UTF8.self)
    }
  }

  /// Whether it stands for itself, as most do: letters, digits and `- . _ ~` alone.
  private static func isPlain(_ bytes: UnsafeRawBufferPointer) -> Bool {
    bytes.end(of: .unreserved, from: 0, to: bytes.count) == bytes.count
  }

  private static func decode(
    _ bytes: UnsafeRawBufferPointer, into output: UnsafeMutableBufferPointer<UInt8>,
    _ plusIsSpace: Bool
  ) -> (count: Int, isASCII: Bool)? {
    var count = 0
    var index = 0
    var union: UInt8 = 0
    while index < bytes.count {
      var byte = bytes[index]
      index += 1
      if byte == ASCII.percent {
        guard let decoded = octet(bytes, at: index) else { return nil }
        byte = decoded
        index += 2
      } else if byte == ASCII.plus, plusIsSpace {
        byte = ASCII.space
      } else if ASCII.isOnlyInURLs(byte) {
        return nil
      }
      guard byte != 0 else { return nil }
      union |= byte
      output[count] = byte
      count += 1
    }
    return (count, union < 0x80)
  }

  private static func octet(_ bytes: UnsafeRawBufferPointer, at index: Int) -> UInt8? {
    guard index + 1 < bytes.count, let high = ASCII.hexValue(bytes[index]),
      let low = ASCII.hexValue(bytes[index + 1])
    else { return nil }
    return high << 4 | low
  }
}
