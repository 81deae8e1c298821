import Reactor

/// Makes REST calls. Each takes a connection of its own, so a call's time has the connect in it.
final class APIClient {
  typealias Completion = (Result<APIReply, APIFailure>) -> Void

  let loop: Loop
  let target: Target
  /// Of every request and upgrade.
  let authorization: [HTTPField]
  private let apiKey: String

  init(loop: Loop, target: Target, apiKey: String) {
    self.loop = loop
    self.target = target
    self.apiKey = apiKey
    authorization = [HTTPField("Authorization", "ApiKey \(apiKey)")].compactMap { $0 }
  }

  /// The header line with a token that the API key is exchanged for; it lasts for minutes.
  func fetchToken(_ completion: @escaping (Result<HTTPField, APIFailure>) -> Void) {
    let body = JSON.object([("api_key", .string(apiKey))])
    call(.post, "/api/v1/auth/token", body: body, expecting: 200) { result in
      completion(
        result.flatMap { reply in
          let token = reply.json?["token"]?.text
          let field = token.flatMap { HTTPField("Authorization", "Bearer \($0)") }
          return field.map { .success($0) }
            ?? .failure(.unexpected("token", "the answer has no usable token"))
        })
    }
  }

  /// The completion runs once, never within this call; another status than `expected` is a
  /// failure.
  func call(
    _ method: HTTPMethod, _ path: String, body: JSON? = nil, expecting expected: Int,
    timeoutMs: UInt64 = 35_000, _ completion: @escaping Completion
  ) {
    let what = "\(method.name) \(path)"
    let stream: SocketStream
    do throws(UVError) {
      stream = try SocketStream.connect(loop: loop, to: target.address)
    } catch {
      loop.after(ms: 0) { completion(.failure(.transport(what, .stream(.connect(error))))) }
      return
    }
    var request = HTTPClientRequest(target: path, host: target.host)
    request.method = method
    request.fields = authorization
    request.timeouts = HTTPClientTimeouts(wholeMs: timeoutMs)
    request.maxResponseBytes = 64 * 1024 * 1024
    if let body {
      request.fields.append(HTTPField(fixed: "Content-Type", "application/json"))
      request.body = .bytes(Array(body.description.utf8))
    }
    request.send(over: stream) { result in
      completion(Self.judge(result, what, expected))
    }
  }

  private static func judge(
    _ result: Result<HTTPClientResponse, HTTPClientError>, _ what: String, _ expected: Int
  ) -> Result<APIReply, APIFailure> {
    switch result {
    case .failure(let error): return .failure(.transport(what, error))
    case .success(let response):
      let reply = APIReply(status: response.head.status, body: response.body)
      if reply.status == expected { return .success(reply) }
      return .failure(.status(what, reply.status, message: reply.problem))
    }
  }
}
