/// The codes that `Error` messages carry.
public enum ErrorCode: String, Sendable, CaseIterable {
  case invalidPayload = "invalid_payload"
  case unknownMessage = "unknown_message"
  case unknownProcess = "unknown_process"
  case channelInUse = "channel_in_use"
  case execFailed = "exec_failed"
  case fsError = "fs_error"
  case notFound = "not_found"
  case tooLarge = "too_large"
  case pathEscapesWorkspace = "path_escapes_workspace"
  case watchError = "watch_error"
  case limitReached = "limit_reached"
  /// The resumable session was attached to by a newer connection.
  case detached
}

/// `Error {code, message}`: the reply to a request that failed.
public struct ErrorPayload: WirePayload, Equatable, Sendable {
  public static let type = MessageType.error

  /// As it came: a newer sandbox may know codes that we don't.
  public var code: String
  public var message: String

  /// The code, or nil where this side does not know it.
  public var knownCode: ErrorCode? {
    ErrorCode(rawValue: code)
  }

  public init(code: ErrorCode, message: String) {
    self.init(rawCode: code.rawValue, message: message)
  }

  public init(rawCode: String, message: String) {
    self.code = rawCode
    self.message = message
  }

  public static func decode(
    _ payload: UnsafeRawBufferPointer
  ) throws(ProtocolError) -> ErrorPayload {
    let fields = try FieldReader(payload, "code", "message")
    return ErrorPayload(
      rawCode: try fields.string("code"), message: try fields.string("message"))
  }

  public func write(into writer: inout MessagePackWriter) {
    writer.writeMapHeader(2)
    writer.field("code", code)
    writer.field("message", message)
  }
}
