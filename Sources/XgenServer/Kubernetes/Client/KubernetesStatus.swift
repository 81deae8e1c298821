/// The API's own description of an error (meta/v1 `Status`), or what is known without one. Pure.
struct KubernetesStatus: Equatable, Sendable {
  /// The HTTP status.
  let code: Int
  /// `AlreadyExists`, `Expired`, …; empty where there is none.
  let reason: String
  let message: String
  /// `details.retryAfterSeconds`, if it is positive.
  let retryAfterSeconds: Int?

  /// Of a response's body. What is no Status, such as a proxy's page, is told by its status only.
  init(code: Int, body: [UInt8]) {
    let value = try? JSONParser.parse(body, limits: KubernetesLimits.eventJSON)
    self.init(code: code, value ?? .null)
  }

  /// `value` is a Status, or anything else. `code`: of the response, where there is one; an event
  /// of a watch has only the Status' own.
  init(code: Int? = nil, _ value: JSONValue) {
    let status = value["kind"]?.stringValue == "Status" ? value : .null
    let own = status["code"]?.wholeValue.flatMap { 400...599 ~= $0 ? Int($0) : nil }
    self.code = code ?? own ?? 500
    reason = status["reason"]?.stringValue ?? ""
    message = KubernetesText.printable(
      status["message"]?.stringValue ?? "", maxBytes: KubernetesLimits.maxMessageBytes)
    let seconds = status["details"]?["retryAfterSeconds"]?.wholeValue ?? 0
    retryAfterSeconds = 1...86_400 ~= seconds ? Int(seconds) : nil
  }
}

extension KubernetesStatus {
  /// `retryAfterSeconds`: of the header, which goes first.
  func error(retryAfterSeconds header: Int? = nil) -> KubernetesError {
    let text = message.isEmpty ? "no reason was given (HTTP \(code))" : message
    switch code {
    case 400, 405, 406, 413, 415, 422: return .invalid(text)
    case 401: return .unauthorized(text)
    case 403: return text.contains("exceeded quota") ? .quotaExceeded(text) : .forbidden(text)
    case 404: return .notFound(text)
    case 409: return reason == "AlreadyExists" ? .alreadyExists(text) : .conflict(text)
    case 410: return .gone(text)
    case 429: return .tooManyRequests(text, retryAfterSeconds: header ?? retryAfterSeconds)
    default: return .server(status: code, text)
    }
  }
}
