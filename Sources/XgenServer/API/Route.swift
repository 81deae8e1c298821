internal import Reactor

/// A route of the API. An object, so that requests only refer to it.
final class Route: Sendable {
  /// What answers a request.
  enum Endpoint: Sendable {
    /// Within the call that brought the request: for what waits for nothing, not even the
    /// request's body.
    case synchronous(Synchronous)
    /// In a task of its own.
    case asynchronous(Asynchronous)
  }

  typealias Synchronous =
    @LoopActor @Sendable (Server, APIRequest) throws(APIError) -> APIResponse
  typealias Asynchronous =
    @LoopActor @Sendable (Server, APIRequest) async throws(APIError) -> APIResponse

  enum Access: Sendable {
    /// Without credentials.
    case open
    case permission(Permission)
    /// As `permission`; the token may also come as `?token=` or as a WebSocket subprotocol.
    case webSocket(Permission)
  }

  let method: HTTPMethod
  let template: String
  let access: Access
  /// False for what must answer however busy a client is.
  let isRateLimited: Bool
  /// What the document says of it.
  let operation: Operation
  let endpoint: Endpoint
  /// What the audit log calls it; nil for what is not recorded.
  let auditAction: AuditAction?
  /// The template's parts; a parameter begins with `{`.
  let parts: [Substring]
  /// The template, as the metrics' label.
  let label: PathLabel

  convenience init(
    _ method: HTTPMethod, _ template: String, _ access: Access, isRateLimited: Bool = true,
    _ operation: Operation, _ endpoint: @escaping Asynchronous
  ) {
    self.init(method, template, access, isRateLimited, operation, .asynchronous(endpoint))
  }

  convenience init(
    _ method: HTTPMethod, _ template: String, _ access: Access, isRateLimited: Bool = true,
    _ operation: Operation, synchronous endpoint: @escaping Synchronous
  ) {
    self.init(method, template, access, isRateLimited, operation, .synchronous(endpoint))
  }

  private init(
    _ method: HTTPMethod, _ template: String, _ access: Access, _ isRateLimited: Bool,
    _ operation: Operation, _ endpoint: Endpoint
  ) {
    self.method = method
    self.template = template
    self.access = access
    self.isRateLimited = isRateLimited
    self.operation = operation
    self.endpoint = endpoint
    auditAction = AuditAction.of(method, template)
    parts = template.split(separator: "/")
    label = PathLabel(template)
  }
}
