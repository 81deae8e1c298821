/// Why a connection ends, as it stands in a Close frame (RFC 6455 §7.4).
public struct WebSocketCloseCode: RawRepresentable, Hashable, Sendable {
  public let rawValue: UInt16

  public init(rawValue: UInt16) { self.rawValue = rawValue }
  public init(_ rawValue: UInt16) { self.rawValue = rawValue }

  public static let normal = WebSocketCloseCode(1000)
  public static let goingAway = WebSocketCloseCode(1001)
  public static let protocolError = WebSocketCloseCode(1002)
  public static let unsupportedData = WebSocketCloseCode(1003)
  public static let invalidPayload = WebSocketCloseCode(1007)
  public static let policyViolation = WebSocketCloseCode(1008)
  public static let messageTooBig = WebSocketCloseCode(1009)
  public static let mandatoryExtension = WebSocketCloseCode(1010)
  public static let internalError = WebSocketCloseCode(1011)
  public static let serviceRestart = WebSocketCloseCode(1012)
  public static let tryAgainLater = WebSocketCloseCode(1013)
  public static let badGateway = WebSocketCloseCode(1014)

  /// Never sent: stands for a Close frame without a code.
  public static let noStatus = WebSocketCloseCode(1005)
  /// Never sent: stands for a connection that ended without a Close frame.
  public static let abnormal = WebSocketCloseCode(1006)

  /// May stand in a Close frame: assigned by RFC 6455 §7.4.1 or its registry (1000–1003,
  /// 1007–1014), registered by others (3000–3999) or private (4000–4999).
  public var isAllowedInFrame: Bool {
    switch rawValue {
    case 1000...1003, 1007...1014, 3000...4999: true
    default: false
    }
  }
}
