internal import COpenSSL

/// How a client judges its servers and what it offers them.
public struct TLSClientOptions: Sendable {
  /// PEM file of the authorities that are trusted; nil for the system's.
  public var authoritiesFile: String?
  /// Off for a peer whose identity is known otherwise, and in tests.
  public var verifiesPeer = true
  /// ALPN names, best first; none: the extension is left out.
  public var protocols = [TLSProtocolNames.http11]
  public var versions: ClosedRange<TLSVersion> = .tls12 ... .tls13

  public init() {}
}

extension TLSContext {
  public convenience init(client options: TLSClientOptions) throws(TLSFileError) {
    self.init(role: .client, versions: options.versions)
    if options.verifiesPeer {
      try trust(options.authoritiesFile)
      SSL_CTX_set_verify(raw, SSL_VERIFY_PEER, nil)
    }
    if options.protocols.isEmpty { return }
    let names = TLSProtocolNames.encode(options.protocols)
    // 0 is success here, unlike everywhere else.
    precondition(
      SSL_CTX_set_alpn_protos(raw, names, UInt32(names.count)) == 0, "ALPN names are unusable")
  }

  private func trust(_ path: String?) throws(TLSFileError) {
    OpenSSLErrors.clear()
    guard let path else {
      SSL_CTX_set_default_verify_paths(raw)
      return
    }
    if SSL_CTX_load_verify_file(raw, path) != 1 {
      throw TLSFileError(path: path, problem: OpenSSLErrors.takeReason())
    }
  }
}

/// A session that a client can resume, once, with the server that gave it.
public final class TLSSession {
  let raw: OpaquePointer

  /// Takes over the reference.
  init(_ raw: OpaquePointer) { self.raw = raw }

  deinit { SSL_SESSION_free(raw) }
}
