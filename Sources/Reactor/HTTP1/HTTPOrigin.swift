/// Where a web page came from, as a browser tells it in Origin (RFC 6454 §6.2, §7.1).
///
/// ```
/// serialized-origin = scheme "://" host [ ":" port ]
/// ```
///
/// `null`, which stands for origins that may not be told, is none; nor is a list of several.
public struct HTTPOrigin: Sendable, Hashable {
  /// In lower case.
  public let scheme: String
  /// In lower case; an IPv6 address keeps its brackets.
  public let host: String
  /// The scheme's own where none is written; nil if it has none that we know.
  public let port: UInt16?

  /// nil if `text` is no serialised origin.
  public init?(_ text: String) {
    guard let colon = text.utf8.firstIndex(of: ASCII.colon) else { return nil }
    let rest = text[colon...]
    let scheme = text[..<colon]
    guard rest.hasPrefix("://"), Self.isScheme(scheme.utf8) else { return nil }
    let authority = String(rest.dropFirst(3))
    guard let host = HTTPHost(authority), authority.utf8.last != ASCII.colon else { return nil }
    self.scheme = scheme.lowercased()
    self.host = host.name
    port = host.port ?? Self.defaultPort(self.scheme)
  }

  /// Whether it is that of a page which the request's own server would serve. Without TLS here
  /// there may be some before us, so that the scheme may be either.
  func isSame(as host: HTTPHost, isEncrypted: Bool) -> Bool {
    guard scheme == "https" || (scheme == "http" && !isEncrypted) else { return false }
    return self.host == host.name && port == host.port ?? Self.defaultPort(scheme)
  }

  private static func isScheme(_ name: Substring.UTF8View) -> Bool {
    guard let first = name.first, isLetter(first) else { return false }
    return name.allSatisfy {
      isLetter($0) || ASCII.isDigit($0) || $0 == ASCII.plus || $0 == ASCII.dot || $0 == ASCII.minus
    }
  }

  private static func isLetter(_ byte: UInt8) -> Bool { ASCII.lowercased(byte) &- 0x61 < 26 }

  private static func defaultPort(_ scheme: String) -> UInt16? {
    switch scheme {
    case "http": 80
    case "https": 443
    default: nil
    }
  }
}
