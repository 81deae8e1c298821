internal import Reactor

/// A request that has been routed and, where the route demands it, authorised.
@LoopActor
final class APIRequest {
  let context: RequestContext
  let route: Route
  /// Values of the template's `{…}` parts, by name.
  let parameters: PathParameters
  let query: HTTPQuery
  private let maxBodyBytes: Int

  init(
    _ context: RequestContext, _ route: Route, _ parameters: PathParameters, _ query: HTTPQuery,
    maxBodyBytes: Int
  ) {
    self.context = context
    self.route = route
    self.parameters = parameters
    self.query = query
    self.maxBodyBytes = maxBodyBytes
  }

  var exchange: HTTPExchange { context.exchange }

  /// The caller. Precondition: the route demands one.
  var caller: Principal { context.principal! }

  var sandboxID: String { parameters["id"] ?? "" }

  /// What changes of sandboxes go back to. Precondition: the route demands a caller.
  var origin: CallOrigin { CallOrigin(subject: caller.name, requestID: context.id) }

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

  /// An answer is under way: another can't be given.
  private(set) var hasStartedResponse = false

  /// Starts an answer that is streamed; nil for one of unknown length. The endpoint then writes to
  /// the exchange, ends it and returns `.takenOver`.
  func startResponse(_ status: Int, _ fields: [HTTPField], length: UInt64? = nil) {
    hasStartedResponse = true
    context.willAnswer(status)
    exchange.startResponse(status, context.fields + fields, length: length)
  }

  /// The body as a JSON object.
  func jsonBody() async throws(APIError) -> JSONFields { try json(try await body()) }

  /// Reads a body of this request, whose type is checked first.
  func json(_ bytes: [UInt8]) throws(APIError) -> JSONFields {
    try MediaType.checkJSON(exchange.head)
    let value: JSONValue
    do throws(JSONError) { value = try JSONParser.parse(bytes) } catch {
      throw .invalidRequest("the body is not valid JSON: \(error)")
    }
    do throws(FieldError) { return try JSONFields(value) } catch {
      throw .invalidRequest("\(error)")
    }
  }
}
