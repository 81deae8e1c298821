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
  /// With `exec_failed`, where the command itself can't be run: what a shell would have exited
  /// with, 127 or 126. Clients that do not know it skip it.
  public var exitCode: Int32?

  /// The code, or nil where this side does not know it.
  public var knownCode: ErrorCode? {
    ErrorCode(rawValue: code)
  }

  public init(code: ErrorCode, message: String, exitCode: Int32? = nil) {
    self.init(rawCode: code.rawValue, message: message, exitCode: exitCode)
  }

  public init(rawCode: String, message: String, exitCode: Int32? = nil) {
    self.code = rawCode
    self.message = message
    self.exitCode = exitCode
  }

  public static func decode(
    _ payload: UnsafeRawBufferPointer
  ) throws(ProtocolError) -> ErrorPayload {
    let fields = try FieldReader(payload, "code", "message", "exit_code")
    return ErrorPayload(
      rawCode: try fields.string("code"), message: try fields.string("message"),
      exitCode: try fields.optionalInteger("exit_code"))
  }

  public func write(into writer: inout MessagePackWriter) {
    writer.writeMapHeader(exitCode == nil ? 2 : 3)
    writer.field("code", code)
    writer.field("message", message)
    if let exitCode { writer.field("exit_code", Int64(exitCode)) }
  }
}
