/// Why a TLS connection ended without both sides' consent. The texts are those of the library that
/// speaks TLS.
public enum TLSError: Error, Equatable, Sendable, CustomStringConvertible {
  /// No agreement: not TLS at all, no version or protocol in common, a certificate refused.
  case handshake(String)
  /// A record after the handshake that can't be right, or an alert from the peer.
  case record(String)
  /// The peer's bytes ended without a close_notify: something may be missing (RFC 8446 §6.1).
  case truncated

  public var description: String {
    switch self {
    case .handshake(let reason): "TLS handshake: \(reason)"
    case .record(let reason): "TLS: \(reason)"
    case .truncated: "TLS: the peer ended without a close_notify"
    }
  }
}
