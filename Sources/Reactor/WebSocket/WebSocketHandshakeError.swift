/// Why a client's upgrade request is refused (RFC 6455 §4.2.1).
public enum WebSocketHandshakeError: Error, Equatable, Sendable, CaseIterable {
  case methodNotGET
  case notHTTP11
  case noUpgrade
  case noConnectionUpgrade
  case unsupportedVersion
  case invalidKey
  case invalidSubprotocols
  /// The upgrade must wait for the request's body (RFC 9110 §7.8), which nobody here reads.
  case hasBody
  /// The page that asks is not one of those that may.
  case originRefused

  /// The HTTP status of the answer.
  public var status: Int {
    switch self {
    case .methodNotGET: 405
    case .noUpgrade, .unsupportedVersion: 426
    case .notHTTP11, .noConnectionUpgrade, .invalidKey, .invalidSubprotocols, .hasBody: 400
    case .originRefused: 403
    }
  }

  /// Fields that the status demands (RFC 9110 §15.5.6, §15.5.22; RFC 6455 §4.4).
  public var fields: [(name: StaticString, value: StaticString)] {
    switch self {
    case .methodNotGET: [("Allow", "GET")]
    case .noUpgrade, .unsupportedVersion:
      [("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13")]
    case .notHTTP11, .noConnectionUpgrade, .invalidKey, .invalidSubprotocols, .hasBody,
      .originRefused:
      []
    }
  }

  public var reason: StaticString {
    switch self {
    case .methodNotGET: "a WebSocket is opened with GET"
    case .notHTTP11: "a WebSocket is opened over HTTP/1.1"
    case .noUpgrade: "Upgrade does not name websocket"
    case .noConnectionUpgrade: "Connection does not name Upgrade"
    case .unsupportedVersion: "Sec-WebSocket-Version is not 13"
    case .invalidKey: "Sec-WebSocket-Key is not the Base64 of 16 bytes"
    case .invalidSubprotocols: "Sec-WebSocket-Protocol is not a list of distinct tokens"
    case .hasBody: "a WebSocket is opened without a body"
    case .originRefused: "pages of this Origin may not open a WebSocket here"
    }
  }
}

/// Why a server's answer to our upgrade request is refused (RFC 6455 §4.1).
public enum WebSocketResponseError: Error, Equatable, Sendable {
  /// Not 101: the server answered as an HTTP server.
  case status(Int)
  case noUpgrade
  case noConnectionUpgrade
  case wrongAccept
  case subprotocolNotOffered
  case extensionNotOffered
}
