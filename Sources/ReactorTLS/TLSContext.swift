internal import COpenSSL
internal import Synchronization

/// What many TLS connections of one role share: certificate, versions, ciphers, ticket keys.
///
/// TLS 1.2 and 1.3 with forward secrecy and AEAD ciphers only; no compression, no renegotiation.
/// It is made on any thread and not changed afterwards. Connections keep the context that they
/// were made with, so a renewed certificate is a new context.
public final class TLSContext: Sendable {
  public enum Role: Sendable { case server, client }

  public let role: Role
  // Proof: changed by init only; OpenSSL locks what connections share (references, tickets).
  nonisolated(unsafe) let raw: OpaquePointer
  private let engines = Atomic<Int>(0)

  /// TLS 1.2: forward secrecy and AEAD. The suites of TLS 1.3 are all so.
  private static let ciphers = "ECDHE+AESGCM:ECDHE+CHACHA20"
  private static let groups = "X25519:P-256:P-384"

  init(role: Role, versions: ClosedRange<TLSVersion>) {
    self.role = role
    guard let made = SSL_CTX_new(role == .server ? TLS_server_method() : TLS_client_method()) else {
      fatalError("SSL_CTX_new: \(OpenSSLErrors.takeReason())")
    }
    raw = made
    let isSet =
      xgen_ssl_ctx_set_min_proto_version(raw, versions.lowerBound.rawValue) == 1
      && xgen_ssl_ctx_set_max_proto_version(raw, versions.upperBound.rawValue) == 1
      && SSL_CTX_set_cipher_list(raw, Self.ciphers) == 1
      && xgen_ssl_ctx_set_groups(raw, Self.groups) == 1
    precondition(isSet, "OpenSSL lacks a version, cipher or group: \(OpenSSLErrors.takeReason())")
    SSL_CTX_set_options(raw, xgen_ssl_op_no_renegotiation() | xgen_ssl_op_no_compression())
    // An idle connection keeps no record buffers.
    _ = xgen_ssl_ctx_set_mode(raw, Int(SSL_MODE_RELEASE_BUFFERS))
    // Servers resume by tickets, which they need not remember.
    _ = xgen_ssl_ctx_set_session_cache_mode(raw, Int(SSL_SESS_CACHE_OFF))
  }

  deinit { SSL_CTX_free(raw) }

  /// A server's context from its files; it blocks for their reading.
  public convenience init(server files: TLSFiles) throws(TLSFileError) {
    self.init(role: .server, versions: .tls12 ... .tls13)
    try useChain(try PEMFile(files.certificate))
    try useKey(try PEMFile(files.key), matching: files.certificate)
    TLSProtocolNames.install(in: raw)
  }

  /// Connections of this context that are not freed yet.
  public var engineCount: Int { engines.load(ordering: .relaxed) }

  func engineWasMade() { engines.add(1, ordering: .relaxed) }
  func engineWasFreed() { engines.subtract(1, ordering: .relaxed) }
}

/// A version of the protocol, by its number on the wire.
public enum TLSVersion: Int32, Sendable, Comparable {
  case tls12 = 0x0303
  case tls13 = 0x0304

  public static func < (a: TLSVersion, b: TLSVersion) -> Bool { a.rawValue < b.rawValue }
}

/// Where a server's certificate and key lie, both in PEM.
public struct TLSFiles: Sendable, Equatable {
  /// The server's certificate, then those between it and its root.
  public var certificate: String
  /// Its private key, without a passphrase.
  public var key: String

  public init(certificate: String, key: String) {
    self.certificate = certificate
    self.key = key
  }
}
