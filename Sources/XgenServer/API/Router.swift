internal import Reactor

/// A route of the API: the template is also the metrics' label.
struct Route: Sendable {
  typealias Endpoint =
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
  var isRateLimited = true
  /// What the document says of it.
  let operation: Operation
  let endpoint: Endpoint
  /// The template's parts; a parameter begins with `{`.
  let parts: [Substring]

  init(
    _ method: HTTPMethod, _ template: String, _ access: Access, isRateLimited: Bool = true,
    _ operation: Operation, _ endpoint: @escaping Endpoint
  ) {
    self.method = method
    self.template = template
    self.access = access
    self.isRateLimited = isRateLimited
    self.operation = operation
    self.endpoint = endpoint
    parts = template.split(separator: "/")
  }
}

/// Finds the route of a request. Pure.
struct Router: Sendable {
  enum Match: Sendable {
    case found(Route, parameters: [String: String])
    /// The path is known, the method is not; `allowed` is the Allow header's value.
    case methodNotAllowed(allowed: String)
    case notFound
  }

  let routes: [Route]

  func match(_ method: HTTPMethod, _ segments: [String]) -> Match {
    let wanted = method == .head ? .get : method
    var allowed: [String] = []
    for route in routes {
      guard let parameters = Self.parameters(route.parts, segments) else { continue }
      if route.method == wanted { return .found(route, parameters: parameters) }
      allowed.append(route.method.name)
      if route.method == .get { allowed.append("HEAD") }
    }
    if allowed.isEmpty { return .notFound }
    return .methodNotAllowed(allowed: (allowed + ["OPTIONS"]).joined(separator: ", "))
  }

  private static func parameters(_ parts: [Substring], _ segments: [String]) -> [String: String]? {
    guard parts.count == segments.count else { return nil }
    var found: [String: String] = [:]
    for (part, segment) in zip(parts, segments) {
      if part.hasPrefix("{") {
        if segment.isEmpty { return nil }
        found[String(part.dropFirst().dropLast())] = segment
      } else if part != segment {
        return nil
      }
    }
    return found
  }
}
