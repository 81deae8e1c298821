/// Every bound of TLS, by name.
public enum TLSLimits {
  /// From the accept (or the start of a connect) to the end of the handshake.
  public static let handshakeMs: UInt64 = 10_000
  /// After a failure, for the peer to read the alert and to close; what it sends is dropped.
  public static let lingerMs: UInt64 = 1_000
  /// The most plaintext that one read hands on: a full record (RFC 8446 §5.1).
  public static let plaintextBytes = 16 * 1024
  /// Plaintext that is encrypted before it goes to the stream below, in one write.
  public static let writeBytes = 64 * 1024
  /// What a record adds to its plaintext, at most (RFC 8446 §5.2).
  static let recordOverheadBytes = 5 + 256
  /// Records sent under one key of TLS 1.3 before it is changed: below the 2^24.5 of AES-GCM
  /// (RFC 8446 §5.5).
  static let recordsPerKey = 1 << 23
  /// A file of certificates or of a key.
  static let maxFileBytes = 1024 * 1024
}
