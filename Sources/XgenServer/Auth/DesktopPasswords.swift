/// The VNC passwords of sandboxes' desktops. They are derived, so that every server with the same
/// secret knows them without being told. A password guards the desktop from those who know its URL;
/// code inside the sandbox may read it.
struct DesktopPasswords: Sendable {
  private let secret: [UInt8]

  init(secret: [UInt8]) { self.secret = secret }

  init(_ tokens: TokenIssuer) {
    self.init(secret: tokens.derivedSecret(for: "passwords of desktops"))
  }

  /// Eight characters of `[A-Za-z0-9_-]` for 48 bits: VNC takes no more (RFC 6143 §7.2.2).
  subscript(id: String) -> String {
    Base64URL.encode(Array(HMACSHA256.code(for: Array(id.utf8), key: secret).prefix(6)))
  }
}
