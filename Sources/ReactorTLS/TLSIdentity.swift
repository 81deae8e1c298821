internal import COpenSSL
internal import Glibc
internal import Reactor

/// A file in memory, with its path for error messages.
struct PEMFile {
  let path: String
  let bytes: [UInt8]

  /// Reads it whole; blocks.
  init(_ path: String) throws(TLSFileError) {
    self.path = path
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    if descriptor < 0 { throw Self.failure(path) }
    defer { close(descriptor) }
    var room = [UInt8](repeating: 0, count: TLSLimits.maxFileBytes + 1)
    var count = 0
    while count < room.count {
      let got = room.withUnsafeMutableBytes {
        read(descriptor, $0.baseAddress! + count, $0.count - count)
      }
      if got < 0 && errno == EINTR { continue }
      if got < 0 { throw Self.failure(path) }
      if got == 0 { break }
      count += got
    }
    if count > TLSLimits.maxFileBytes {
      throw TLSFileError(path: path, problem: "is over \(TLSLimits.maxFileBytes) bytes")
    }
    bytes = Array(room[..<count])
    // It may be a key.
    room.withUnsafeMutableBytes { OPENSSL_cleanse($0.baseAddress, $0.count) }
  }

  private static func failure(_ path: String) -> TLSFileError {
    TLSFileError(path: path, problem: UVError.last().description)
  }

  func error(_ problem: String) -> TLSFileError { TLSFileError(path: path, problem: problem) }

  /// Lends a BIO that reads the bytes.
  func withBIO<R>(_ body: (OpaquePointer) throws(TLSFileError) -> R) throws(TLSFileError) -> R {
    OpenSSLErrors.clear()
    defer { OpenSSLErrors.clear() }
    guard let bio = BIO_new_mem_buf(bytes, Int32(bytes.count)) else {
      throw error(OpenSSLErrors.takeReason())
    }
    defer { BIO_free(bio) }
    return try body(bio)
  }
}

/// A server's certificate and key.
extension TLSContext {
  /// The first certificate is the server's own, the others lead to its root (RFC 8446 §4.4.2).
  func useChain(_ file: PEMFile) throws(TLSFileError) {
    try file.withBIO { bio throws(TLSFileError) in
      guard let leaf = PEM_read_bio_X509_AUX(bio, nil, noPassphrase, nil) else {
        throw file.error(badPEM("certificate"))
      }
      defer { X509_free(leaf) }
      if SSL_CTX_use_certificate(raw, leaf) != 1 { throw file.error(OpenSSLErrors.takeReason()) }
      while let next = PEM_read_bio_X509(bio, nil, noPassphrase, nil) {
        if xgen_ssl_ctx_add_chain_certificate(raw, next) != 1 {
          X509_free(next)
          throw file.error(OpenSSLErrors.takeReason())
        }
      }
      if !OpenSSLErrors.isEndOfPEM { throw file.error(badPEM("certificate")) }
    }
  }

  func useKey(_ file: PEMFile, matching certificateFile: String) throws(TLSFileError) {
    try file.withBIO { bio throws(TLSFileError) in
      var wasAsked = false
      guard let key = PEM_read_bio_PrivateKey(bio, nil, noPassphrase, &wasAsked) else {
        throw file.error(
          wasAsked ? "the key is encrypted; give one without a passphrase" : badPEM("private key"))
      }
      defer { EVP_PKEY_free(key) }
      guard let certificate = SSL_CTX_get0_certificate(raw),
        X509_check_private_key(certificate, key) == 1
      else { throw file.error("the key is not that of the certificate in \(certificateFile)") }
      if SSL_CTX_use_PrivateKey(raw, key) != 1 { throw file.error(OpenSSLErrors.takeReason()) }
    }
  }

  private func badPEM(_ kind: String) -> String {
    if OpenSSLErrors.isEndOfPEM { return "holds no \(kind) in PEM" }
    return "is not a \(kind) in PEM: \(OpenSSLErrors.takeReason())"
  }
}

/// Answers OpenSSL's question for a passphrase: there is none. Without it, it would ask the
/// terminal. The context, if any, is a Bool that is set.
private func noPassphrase(
  _: UnsafeMutablePointer<CChar>?, _: Int32, _: Int32, _ context: UnsafeMutableRawPointer?
) -> Int32 {
  context?.assumingMemoryBound(to: Bool.self).pointee = true
  return -1
}
