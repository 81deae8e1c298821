import COpenSSL

/// SHA-256 (FIPS 180-4).
enum SHA256 {
  static let byteCount = 32

  static func hash(_ bytes: [UInt8]) -> [UInt8] {
    digest { output in
      EVP_Digest(bytes, bytes.count, output, nil, EVP_sha256(), nil) == 1
    }
  }

  /// In lower-case hex.
  static func hexHash(_ bytes: [UInt8]) -> String {
    let digits = Array("0123456789abcdef".utf8)
    return String(
      decoding: hash(bytes).flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] },
      as: UTF8.self)
  }

  /// 32 bytes as `fill` writes them. OpenSSL fails here only when it is out of memory or broken.
  fileprivate static func digest(
    _ fill: (UnsafeMutablePointer<UInt8>) -> Bool
  ) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, count in
      guard let output = buffer.baseAddress, fill(output) else {
        preconditionFailure("OpenSSL could not compute SHA-256")
      }
      count = byteCount
    }
  }
}

/// HMAC-SHA256 (RFC 2104).
enum HMACSHA256 {
  /// 32 bytes that only a holder of `key` can compute for `message`.
  static func code(for message: [UInt8], key: [UInt8]) -> [UInt8] {
    SHA256.digest { output in
      HMAC(EVP_sha256(), key, Int32(key.count), message, message.count, output, nil) != nil
    }
  }
}

/// Whether both are the same, in a time that depends on their length only (the length is public).
func constantTimeEquals(_ left: [UInt8], _ right: [UInt8]) -> Bool {
  left.count == right.count && CRYPTO_memcmp(left, right, left.count) == 0
}
