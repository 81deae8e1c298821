internal import Reactor
internal import XgenProtocol

/// A sidecar's refusal of a request about a file.
enum FileRefusal {
  /// Longer bodies are none of a sidecar of ours.
  static let maxBodyBytes = 8 * 1024

  /// What the client is told; nil for a refusal that contradicts itself or what was asked.
  static func error(
    _ head: HTTPResponseHead, _ body: [UInt8], to method: HTTPMethod, _ asked: HTTPConditions
  ) -> APIError? {
    switch head.status {
    case 412 where asked.ifMatch != nil || asked.ifNoneMatch != nil: return .preconditionFailed()
    case 416: return outOfRange(head.headers, asked.range)
    case 408, 414, 431: return .sandboxUnreachable("the sidecar refused it: \(head.status)")
    default: break
    }
    if method == .head { return error(head.status) }
    let payload = body.withUnsafeBytes { try? ErrorPayload.decode($0) }
    guard let payload, let code = payload.knownCode else { return nil }
    return error(head.status, code, payload.message)
  }

  /// The answer to HEAD has no body that would say more.
  private static func error(_ status: Int) -> APIError? {
    switch status {
    case 400: .invalidRequest("this is no file that can be read")
    case 404: .notFound("there is nothing at this path")
    case 429: .quotaExceeded("too many files of this sandbox are under way", retryAfterSeconds: 1)
    default: nil
    }
  }

  private static func outOfRange(_ headers: HTTPFields, _ asked: HTTPByteRange?) -> APIError? {
    guard let asked, headers.count(of: "content-range") == 1,
      let told = headers["content-range"].flatMap(HTTPContentRange.init), told.range == nil,
      asked.resolved(in: told.size) == nil
    else { return nil }
    return .rangeNotSatisfiable(told)
  }

  private static func error(_ status: Int, _ code: ErrorCode, _ message: String) -> APIError? {
    switch (status, code) {
    case (400, .pathEscapesWorkspace):
      .invalidParameter(FieldError(field: "path", expectation: "must stay inside the workspace"))
    case (400, .invalidPayload), (400, .fsError): .invalidRequest(message)
    case (404, .notFound): .notFound(message)
    case (413, .tooLarge): .noRoom(message)
    case (429, .limitReached): .quotaExceeded(message, retryAfterSeconds: 1)
    default: nil
    }
  }
}
