internal import COpenSSL

/// A file of certificates or of a key that can't be used, in one line.
public struct TLSFileError: Error, Equatable, Sendable, CustomStringConvertible {
  public let path: String
  public let problem: String

  public var description: String { "\(path): \(problem)" }
}

/// The calling thread's queue of OpenSSL errors.
enum OpenSSLErrors {
  static func clear() { ERR_clear_error() }

  /// Empties the queue; the first error's reason, which is the cause of the others.
  static func takeReason() -> String {
    let code = ERR_get_error()
    ERR_clear_error()
    guard let text = ERR_reason_error_string(code) else { return "no reason given" }
    return String(cString: text)
  }

  /// Whether the last error says that a PEM file has no (further) block of the wanted kind: of
  /// certificates, or (by OpenSSL's decoders) of keys.
  static var isEndOfPEM: Bool {
    let code = ERR_peek_last_error()
    if ERR_GET_LIB(code) == ERR_LIB_OSSL_DECODER { return true }
    return ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE
  }
}
