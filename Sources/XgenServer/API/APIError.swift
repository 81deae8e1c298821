internal import Reactor

/// An answer that tells what went wrong, in the reference's shape: `{error, code, details?}`.
struct APIError: Error, Sendable {
  let status: Int
  let code: String
  let message: String
  var details: String?
  /// Headers that the status demands.
  var fields: [HTTPField] = []
  /// Members beside the three, such as the partial output of a command that timed out.
  var extra: [(name: String, value: JSONValue)] = []
  /// A create did not get the warm sandbox that it tried to have.
  var isWarmTaken = false
  /// Of 401 and 403: what the metrics count.
  var authFailure: AuthFailure?

  private init(_ status: Int, _ code: String, _ message: String) {
    self.status = status
    self.code = code
    self.message = message
  }

  func with(details: String) -> APIError {
    var copy = self
    copy.details = details
    return copy
  }

  var body: [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    writer.key("error")
    writer.string(message)
    writer.key("code")
    writer.string(code)
    if let details {
      writer.key("details")
      writer.string(details)
    }
    for member in extra {
      writer.key(member.name)
      writer.value(member.value)
    }
    writer.endObject()
    return writer.bytes
  }
}

// The table of spec/api.md, one line each: the only place where a status is chosen.
extension APIError {
  static func invalidRequest(_ message: String) -> APIError {
    .init(400, "INVALID_REQUEST", message)
  }

  static func invalidParameter(_ error: FieldError) -> APIError {
    .init(400, "INVALID_PARAMETER", "\(error)")
  }

  static func unauthorized(_ message: String, _ failure: AuthFailure) -> APIError {
    var error = APIError(401, "UNAUTHORIZED", message)
    error.authFailure = failure
    error.fields = [
      HTTPField(fixed: "WWW-Authenticate", "Bearer realm=\"xgen\", ApiKey realm=\"xgen\"")
    ]
    return error
  }

  static func forbidden(_ message: String) -> APIError {
    var error = APIError(403, "FORBIDDEN", message)
    error.authFailure = .forbidden
    return error
  }

  static func notFound(_ message: String) -> APIError { .init(404, "NOT_FOUND", message) }

  static func sandboxNotFound(_ id: String) -> APIError {
    .init(404, "SANDBOX_NOT_FOUND", "there is no sandbox '\(String(id.prefix(64)))'")
  }

  static func methodNotAllowed(_ allowed: String) -> APIError {
    var error = APIError(405, "METHOD_NOT_ALLOWED", "this path takes \(allowed)")
    error.fields = [HTTPField("Allow", allowed)].compactMap { $0 }
    return error
  }

  static func methodUnknown() -> APIError {
    .init(501, "METHOD_NOT_ALLOWED", "this method is not known here")
  }

  static func sandboxNotReady(_ message: String) -> APIError {
    var error = APIError(409, "SANDBOX_NOT_READY", message)
    error.fields = [HTTPField(fixed: "Retry-After", 1)]
    return error
  }

  static func idempotencyMismatch() -> APIError {
    .init(
      409, "IDEMPOTENCY_MISMATCH", "this Idempotency-Key has come with another body before")
  }

  static func sandboxExpired(_ message: String) -> APIError {
    .init(410, "SANDBOX_EXPIRED", message)
  }

  /// What has ended: 404 if a client deleted it, else 410.
  static func sandboxEnded(_ stone: Tombstones.Entry) -> APIError {
    let error: APIError =
      stone.end == .deleted ? .sandboxNotFound(stone.id) : .sandboxExpired("the sandbox has ended")
    return error.with(details: stone.details)
  }

  static func payloadTooLarge(_ limitBytes: Int) -> APIError {
    .init(413, "PAYLOAD_TOO_LARGE", "the body is over \(limitBytes) bytes")
  }

  static func misdirected(_ message: String) -> APIError {
    .init(421, "INVALID_REQUEST", message)
  }

  /// The sandbox's disk, or its limit of a file's size, is used up.
  static func noRoom(_ message: String) -> APIError { .init(413, "PAYLOAD_TOO_LARGE", message) }

  static func preconditionFailed() -> APIError {
    .init(412, "INVALID_REQUEST", "the file is not in the state that the request demands")
  }

  /// Precondition: `told` has no range.
  static func rangeNotSatisfiable(_ told: HTTPContentRange) -> APIError {
    var error = APIError(416, "INVALID_REQUEST", "the file has \(told.size) bytes")
    error.fields = [FileFields.contentRange(told)]
    return error
  }

  static func unsupportedMediaType(_ message: String) -> APIError {
    .init(415, "INVALID_REQUEST", message)
  }

  static func quotaExceeded(_ message: String, retryAfterSeconds: Int) -> APIError {
    var error = APIError(429, "QUOTA_EXCEEDED", message)
    error.fields = [HTTPField(fixed: "Retry-After", retryAfterSeconds)]
    return error
  }

  static func intern(_ message: String) -> APIError { .init(500, "INTERNAL", message) }

  static func sandboxUnreachable(_ message: String) -> APIError {
    .init(502, "SANDBOX_UNREACHABLE", message)
  }

  static func createFailed(_ message: String) -> APIError {
    retryable(503, "SANDBOX_CREATE_FAILED", message, seconds: 5)
  }

  static func capacityExhausted(_ message: String) -> APIError {
    retryable(503, "CAPACITY_EXHAUSTED", message, seconds: 5)
  }

  static func shuttingDown() -> APIError {
    retryable(503, "SHUTTING_DOWN", "the server is shutting down", seconds: 5)
  }

  static func execTimeout(_ seconds: Int) -> APIError {
    .init(504, "EXEC_TIMEOUT", "the command did not end within \(seconds) s and was killed")
  }

  /// A request that the protocol layer refused: same shape, the code nearest to the status.
  static func refusal(_ status: Int, _ reason: String) -> APIError {
    switch status {
    case 403: .forbidden(reason)
    case 413: .init(413, "PAYLOAD_TOO_LARGE", reason)
    case 417: .init(417, "INVALID_REQUEST", reason)
    default: .init(status, "INVALID_REQUEST", reason)
    }
  }

  private static func retryable(
    _ status: Int, _ code: String, _ message: String, seconds: Int
  ) -> APIError {
    var error = APIError(status, code, message)
    error.fields = [HTTPField(fixed: "Retry-After", seconds)]
    return error
  }
}
