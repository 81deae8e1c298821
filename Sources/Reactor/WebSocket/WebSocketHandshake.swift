/// The opening handshake (RFC 6455 §4), over the values of header fields.
///
/// A value is what the field holds without the white space around it, nil if the field is
/// absent. A field that stands on several lines is given as one value, joined by commas
/// (RFC 9110 §5.3); a doubled key or version is refused by that.
public enum WebSocketHandshake {
  /// Checks a client's request.
  public static func validateRequest(
    method: String, isHTTP11: Bool, upgrade: String?, connection: String?, key: String?,
    version: String?
  ) throws(WebSocketHandshakeError) {
    guard method == "GET" else { throw .methodNotGET }
    guard isHTTP11 else { throw .notHTTP11 }
    guard contains(upgrade, token: "websocket") else { throw .noUpgrade }
    guard contains(connection, token: "upgrade") else { throw .noConnectionUpgrade }
    guard version == "13" else { throw .unsupportedVersion }
    guard let key, WebSocketKey.isValid(key) else { throw .invalidKey }
  }

  /// Checks a server's answer. Returns the subprotocol that it chose, nil if none.
  ///
  /// `expectedAccept`: `WebSocketKey.accept` for the key that we sent. `offered`: the
  /// subprotocols that we sent. We offer no extension, so none may be chosen.
  public static func validateResponse(
    status: Int, upgrade: String?, connection: String?, accept: String?, subprotocol: String?,
    extensions: String?, expectedAccept: String, offered: [String]
  ) throws(WebSocketResponseError) -> String? {
    guard status == 101 else { throw .status(status) }
    guard isSame(upgrade, "websocket") else { throw .noUpgrade }
    guard contains(connection, token: "upgrade") else { throw .noConnectionUpgrade }
    guard accept == expectedAccept else { throw .wrongAccept }
    guard extensions ?? "" == "" else { throw .extensionNotOffered }
    guard let subprotocol else { return nil }
    guard let chosen = offered.first(where: { $0.utf8.elementsEqual(subprotocol.utf8) }) else {
      throw .subprotocolNotOffered
    }
    return chosen
  }
}

// MARK: - Subprotocols

extension WebSocketHandshake {
  /// Subprotocols that a client may offer: more are refused, since each is compared with all.
  public static let maxSubprotocolCount = 32

  /// The client's offers in its order; empty if the field is absent.
  public static func parseSubprotocols(
    _ value: String?
  ) throws(WebSocketHandshakeError) -> [String] {
    guard let value else { return [] }
    var offered: [String] = []
    for element in elements(of: value) where !element.isEmpty {
      guard element.allSatisfy(isTokenByte) else { throw .invalidSubprotocols }
      let name = String(Substring(element))
      guard !offered.contains(name), offered.count < maxSubprotocolCount else {
        throw .invalidSubprotocols
      }
      offered.append(name)
    }
    guard !offered.isEmpty else { throw .invalidSubprotocols }
    return offered
  }

  /// The first of ours that the client offers: the order of preference is ours.
  public static func chooseSubprotocol(offered: [String], supported: [String]) -> String? {
    supported.first { offered.contains($0) }
  }

  /// `tchar` (RFC 9110 §5.6.2).
  private static func isTokenByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "^")...UInt8(ascii: "z"), UInt8(ascii: "#")...UInt8(ascii: "'"),
      UInt8(ascii: "!"), UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "-"),
      UInt8(ascii: "."), UInt8(ascii: "|"), UInt8(ascii: "~"):
      true
    default: false
    }
  }
}

// MARK: - Lists of tokens

extension WebSocketHandshake {
  /// The comma-separated list has the token, in whatever case. `token` is in lower case.
  private static func contains(_ list: String?, token: String) -> Bool {
    guard let list else { return false }
    // Nearly every list is of one.
    if isSame(list, token) { return true }
    return elements(of: list).contains { isSame(String(Substring($0)), token) }
  }

  private static func isSame(_ text: String?, _ lowercased: String) -> Bool {
    guard var text, text.utf8.count == lowercased.utf8.count else { return false }
    var lowercased = lowercased
    return text.withUTF8 { text in
      lowercased.withUTF8 { lowercased in
        for index in text.indices where ASCII.lowercased(text[index]) != lowercased[index] {
          return false
        }
        return true
      }
    }
  }

  /// The list's elements without the white space around them, empty ones included.
  private static func elements(of list: String) -> [Substring.UTF8View] {
    list.utf8.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false).map(trimmed)
  }

  private static func trimmed(_ element: Substring.UTF8View) -> Substring.UTF8View {
    let isSpace = { (byte: UInt8) in byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
    var rest = element.drop(while: isSpace)
    while let last = rest.last, isSpace(last) { rest.removeLast() }
    return rest
  }
}
