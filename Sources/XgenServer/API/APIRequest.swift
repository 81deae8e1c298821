internal import Reactor

/// A request that has been routed and, where the route demands it, authorised.
@LoopActor
final class APIRequest {
  let exchange: HTTPExchange
  let route: Route
  /// Values of the template's `{…}` parts, by name.
  let parameters: [String: String]
  let query: HTTPQuery
  let id: String
  /// Whose request it is; nil on open routes.
  let principal: Principal?
  private let maxBodyBytes: Int

  init(
    _ exchange: HTTPExchange, _ route: Route, _ parameters: [String: String], _ query: HTTPQuery,
    id: String, principal: Principal?, maxBodyBytes: Int
  ) {
    self.exchange = exchange
    self.route = route
    self.parameters = parameters
    self.query = query
    self.id = id
    self.principal = principal
    self.maxBodyBytes = maxBodyBytes
  }

  /// The caller. Precondition: the route demands one.
  var caller: Principal { principal! }

  var sandboxID: String { parameters["id"] ?? "" }

  /// The whole body, bounded.
  func body() async throws(APIError) -> [UInt8] {
    let result: Result<[UInt8], HTTPBodyError> = await withCheckedContinuation { waiting in
      exchange.readBody(maxBytes: maxBodyBytes) { waiting.resume(returning: $0) }
    }
    switch result {
    case .success(let bytes): return bytes
    case .failure(.tooLarge): throw .payloadTooLarge(maxBodyBytes)
    case .failure(.malformed(let error)): throw .invalidRequest(error.reason)
    case .failure(.timedOut), .failure(.disconnected): throw .invalidRequest("the body ended early")
    }
  }

  /// The body as a JSON object.
  func jsonBody() async throws(APIError) -> JSONFields {
    let bytes = try await body()
    let value: JSONValue
    do throws(JSONError) { value = try JSONParser.parse(bytes) } catch {
      throw .invalidRequest("the body is not valid JSON: \(error)")
    }
    do throws(FieldError) { return try JSONFields(value) } catch {
      throw .invalidRequest("\(error)")
    }
  }
}

/// What an endpoint answers.
enum APIResponse: Sendable {
  case json(Int, [UInt8])
  case text(Int, String, contentType: StaticString)
  case empty(Int)
  /// The endpoint has taken the exchange over (an upgrade, a stream).
  case takenOver
}
