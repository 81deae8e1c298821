internal import Reactor

/// What an endpoint answers. The request's own headers (`RequestContext.fields`) come on top.
struct APIResponse: Sendable {
  static let jsonType = HTTPField(fixed: "Content-Type", "application/json")

  /// The rest of an endpoint that has to wait.
  typealias Rest = @LoopActor @Sendable () async throws(APIError) -> APIResponse

  enum Body: Sendable {
    case none
    case bytes([UInt8])
    /// The endpoint has taken the exchange over (an upgrade, a stream).
    case takenOver
    /// A synchronous endpoint has found out that this answer takes its time.
    case later(Rest)
  }

  let status: Int
  var fields: [HTTPField] = []
  let body: Body

  static func json(_ status: Int, _ bytes: [UInt8], _ fields: [HTTPField] = []) -> APIResponse {
    APIResponse(
      status: status, fields: fields.isEmpty ? onlyJSON : onlyJSON + fields, body: .bytes(bytes))
  }

  private static let onlyJSON = [jsonType]

  static func text(_ status: Int, _ text: String, contentType: StaticString) -> APIResponse {
    let type = HTTPField(fixed: "Content-Type", contentType)
    return APIResponse(status: status, fields: [type], body: .bytes(Array(text.utf8)))
  }

  static func empty(_ status: Int, _ fields: [HTTPField] = []) -> APIResponse {
    APIResponse(status: status, fields: fields, body: .none)
  }

  static func later(_ rest: @escaping Rest) -> APIResponse {
    APIResponse(status: 0, body: .later(rest))
  }

  static let takenOver = APIResponse(status: 0, body: .takenOver)
}
