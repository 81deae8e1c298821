/// The type byte of an envelope.
public enum MessageType: UInt8, Sendable, CaseIterable {
  case ping = 0x01
  case pong = 0x02
  case error = 0x03
  case ack = 0x04

  case execStart = 0x20
  case execStdin = 0x21
  case execStdout = 0x22
  case execStderr = 0x23
  case execExit = 0x24
  case execSignal = 0x25
  case execResize = 0x26
  case execAttach = 0x27
  case execList = 0x28
  case execStdinClose = 0x29

  case fsRead = 0x30
  case fsWrite = 0x31
  case fsList = 0x32
  case fsRemove = 0x33
  case fsWatch = 0x34
  case fsEvent = 0x35

  case portOpen = 0x40
  case portClose = 0x41

  case sandboxReady = 0x50
  case sandboxError = 0x51
  case sandboxStats = 0x52
}

extension MessageType {
  /// Whether a client may send this type to the sandbox.
  public var isFromClient: Bool {
    switch self {
    case .ping, .pong,
      .execStart, .execStdin, .execSignal, .execResize, .execAttach, .execList, .execStdinClose,
      .fsRead, .fsWrite, .fsList, .fsRemove, .fsWatch:
      true
    case .error, .ack, .execStdout, .execStderr, .execExit, .fsEvent, .portOpen, .portClose,
      .sandboxReady, .sandboxError, .sandboxStats:
      false
    }
  }

  /// Whether the sandbox may send this type to a client: events, and the three requests whose
  /// reply has the request's own type.
  public var isFromSandbox: Bool {
    switch self {
    case .ping, .pong, .error, .ack, .execStdout, .execStderr, .execExit, .fsEvent,
      .portOpen, .portClose, .sandboxReady, .sandboxError, .sandboxStats,
      .fsRead, .fsList, .execList:
      true
    case .execStart, .execStdin, .execSignal, .execResize, .execAttach, .execStdinClose,
      .fsWrite, .fsRemove, .fsWatch:
      false
    }
  }

  /// The largest payload, in bytes without the envelope's head, that a peer may send.
  public var maxPayloadBytes: Int {
    switch self {
    case .fsRead, .fsWrite: WireLimits.maxFilePayloadBytes
    default: WireLimits.maxPayloadBytes
    }
  }
}
