/// An error that a route may answer: its status, and the codes that come with it.
struct Refusal: Sendable, Hashable {
  let status: Int
  let codes: [String]

  private init(_ status: Int, _ codes: String...) {
    self.status = status
    self.codes = codes
  }

  // The table of spec/api.md.
  static let invalid = Refusal(400, "INVALID_REQUEST", "INVALID_PARAMETER")
  static let unauthorized = Refusal(401, "UNAUTHORIZED")
  static let forbidden = Refusal(403, "FORBIDDEN")
  static let notFound = Refusal(404, "NOT_FOUND")
  static let sandboxNotFound = Refusal(404, "SANDBOX_NOT_FOUND")
  static let notReady = Refusal(409, "SANDBOX_NOT_READY")
  static let idempotencyMismatch = Refusal(409, "IDEMPOTENCY_MISMATCH")
  static let expired = Refusal(410, "SANDBOX_EXPIRED")
  static let tooLarge = Refusal(413, "PAYLOAD_TOO_LARGE")
  static let quota = Refusal(429, "QUOTA_EXCEEDED")
  static let intern = Refusal(500, "INTERNAL")
  static let unreachable = Refusal(502, "SANDBOX_UNREACHABLE")
  static let createFailed = Refusal(503, "SANDBOX_CREATE_FAILED")
  static let capacity = Refusal(503, "CAPACITY_EXHAUSTED")
  static let shuttingDown = Refusal(503, "SHUTTING_DOWN")
  static let execTimeout = Refusal(504, "EXEC_TIMEOUT")

  // What HTTP itself refuses.
  static let requestTimeout = Refusal(408, "INVALID_REQUEST")
  static let preconditionFailed = Refusal(412, "INVALID_REQUEST")
  static let targetTooLong = Refusal(414, "INVALID_REQUEST")
  static let mediaType = Refusal(415, "INVALID_REQUEST")
  static let rangeNotSatisfiable = Refusal(416, "INVALID_REQUEST")
  static let expectation = Refusal(417, "INVALID_REQUEST")
  static let misdirected = Refusal(421, "INVALID_REQUEST")
  static let upgradeRequired = Refusal(426, "INVALID_REQUEST")
  static let headTooLarge = Refusal(431, "INVALID_REQUEST")

  /// Of every route that names a sandbox.
  static let sandbox: [Refusal] = [.sandboxNotFound, .expired]
  /// Of those that need it running, besides.
  static let running: [Refusal] = sandbox + [.notReady, .unreachable]

  /// All that a route may refuse with, by status; every code of one status together.
  static func all(of route: Route) -> [(status: Int, codes: [String])] {
    var found =
      [.invalid, .targetTooLong, .expectation, .headTooLarge, .intern]
      + route.operation.refusals
    switch route.access {
    case .open: break
    case .permission, .webSocket: found += [.unauthorized, .forbidden]
    }
    if route.isRateLimited { found.append(.quota) }
    if let body = route.operation.body {
      found += [.requestTimeout, .tooLarge]
      if body.contentType == "application/json" { found.append(.mediaType) }
    }
    let statuses = Set(found.map(\.status)).sorted()
    return statuses.map { status in
      (status, Set(found.filter { $0.status == status }.flatMap(\.codes)).sorted())
    }
  }

  /// One line for a reader.
  static func meaning(_ status: Int) -> String {
    switch status {
    case 400: "The request or one of its parameters is not valid."
    case 401: "Credentials are missing or not valid."
    case 403: "The credentials lack the permission."
    case 404: "There is no such thing, or it is another tenant's."
    case 408: "The body came too slowly."
    case 409: "It can't be done in the present state."
    case 410: "The sandbox has ended by itself; `details` says why."
    case 412: "The precondition does not hold."
    case 413: "The body is too large."
    case 414: "The request target is too long."
    case 415: "The body's type is not taken."
    case 416: "The range is not in the file."
    case 417: "An expectation other than 100-continue."
    case 421: "An https URL over a connection without TLS."
    case 426: "The WebSocket version is not 13, or no upgrade was asked for."
    case 429: "A rate limit or quota; `Retry-After` says when to come again."
    case 431: "The headers are too large."
    case 500: "A fault of the server."
    case 502: "The sandbox does not answer as it should."
    case 503: "The server can't do it now."
    case 504: "The command was killed at its timeout."
    default: "Refused."
    }
  }
}
