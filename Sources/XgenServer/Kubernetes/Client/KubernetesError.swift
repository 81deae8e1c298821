/// Why the API server did not do what it was asked.
///
/// The texts are the server's own where it gave one, which name the object, or the verb, resource
/// and namespace; printable and at most `KubernetesLimits.maxMessageBytes` long.
enum KubernetesError: Error, Equatable, Sendable {
  /// No answer: no connection, no time, or too much to do here. The request may have been acted on.
  case unreachable(String)
  /// 401: the credentials are wrong or have expired.
  case unauthorized(String)
  /// 403: the text says which verb on which resource in which namespace is missing.
  case forbidden(String)
  /// 403 of a ResourceQuota: the text says which one, and what is used up.
  case quotaExceeded(String)
  /// 404: no such object, or no such resource.
  case notFound(String)
  /// 409 of a create.
  case alreadyExists(String)
  /// 409: the object is at another resourceVersion, or has another uid.
  case conflict(String)
  /// 410: the resourceVersion or the `continue` is too old.
  case gone(String)
  /// 400, 413, 415, 422: the request can't be right.
  case invalid(String)
  /// 429; the seconds are those of Retry-After.
  case tooManyRequests(String, retryAfterSeconds: Int?)
  /// Any other status.
  case server(status: Int, String)
  /// An answer that is not what the API says, or larger than our limits.
  case malformed(String)
  /// The client was closed meanwhile.
  case stopped
}

extension KubernetesError {
  /// Whether the same request may succeed a little later, without anybody changing anything.
  var isRetryable: Bool {
    switch self {
    case .unreachable, .tooManyRequests: true
    case .server(let status, _): status >= 500 && status != 501
    case .unauthorized, .forbidden, .quotaExceeded, .notFound, .alreadyExists, .conflict, .gone,
      .invalid, .malformed, .stopped:
      false
    }
  }
}

extension KubernetesError: CustomStringConvertible {
  var description: String {
    switch self {
    case .unreachable(let text), .forbidden(let text), .quotaExceeded(let text),
      .notFound(let text), .alreadyExists(let text), .conflict(let text), .gone(let text),
      .invalid(let text), .tooManyRequests(let text, _):
      text
    case .unauthorized(let text): "the cluster does not take the credentials: \(text)"
    case .server(let status, let text): "the Kubernetes API answered \(status): \(text)"
    case .malformed(let text): "the Kubernetes API gave an answer that can't be used: \(text)"
    case .stopped: "the Kubernetes client was closed"
    }
  }
}
