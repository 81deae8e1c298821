internal import COpenSSL

/// SHA-1 by OpenSSL, for the WebSocket handshake only (RFC 6455 §1.3 asks for nothing stronger).
enum SHA1 {
  /// 20 bytes.
  static func digest(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: 20) { room, count in
      var length: UInt32 = 20
      let status = EVP_Digest(
        bytes.baseAddress, bytes.count, room.baseAddress, &length, EVP_sha1(), nil)
      precondition(status == 1, "SHA-1 is missing in OpenSSL")
      count = 20
    }
  }
}
