import Reactor
import ServerTestSupport
import TestSupport
import Testing
import XgenProtocol

@testable import XgenServer

/// A client of the API over real sockets, one connection per request.
@LoopActor
struct APIClient {
  let address: SocketAddress
  let authorization: String?

  struct Answer: Sendable {
    let status: Int
    let fields: HTTPFields
    let body: [UInt8]

    var text: String { String(decoding: body, as: UTF8.self) }
    var json: JSONValue { (try? JSONParser.parse(body)) ?? .null }

    /// A string member of the body; empty if there is none.
    subscript(_ name: String) -> String { json.objectValue?[name]?.stringValue ?? "" }
    func int(_ name: String) -> Int64? { json.objectValue?[name]?.intValue }
  }

  private var credentials: [HTTPField] {
    authorization.flatMap { HTTPField("Authorization", $0) }.map { [$0] } ?? []
  }

  func send(
    _ method: HTTPMethod, _ path: String, _ body: String = "", _ fields: [HTTPField] = []
  ) async throws -> Answer {
    var request = HTTPClientRequest(target: path, host: "\(address)")
    request.method = method
    request.fields = credentials + fields
    request.body = .bytes(Array(body.utf8))
    request.timeouts = HTTPClientTimeouts(wholeMs: testDeadlineMs)
    request.maxResponseBytes = 64 << 20
    let stream = try SocketStream.connect(loop: LoopActor.loop, to: address)
    let result: Result<HTTPClientResponse, HTTPClientError> = await withCheckedContinuation {
      waiting in request.send(over: stream) { waiting.resume(returning: $0) }
    }
    let response = try result.get()
    return Answer(
      status: response.head.status, fields: response.head.headers, body: response.body)
  }

  // MARK: Sandboxes

  /// Creates a sandbox and waits until it runs; returns its id.
  func create(_ body: String = "{}") async throws -> String {
    let answer = try await send(.post, "/api/v1/sandboxes", body)
    try #require(answer.status == 201, "\(answer.text)")
    let id = answer["id"]
    try await eventually("the sandbox runs") { try await status(id) == "running" }
    return id
  }

  func get(_ id: String) async throws -> Answer { try await send(.get, "/api/v1/sandboxes/\(id)") }

  func status(_ id: String) async throws -> String { try await get(id)["status"] }

  func exec(_ id: String, _ body: String) async throws -> Answer {
    try await send(.post, "/api/v1/sandboxes/\(id)/exec", body)
  }

  @discardableResult
  func delete(_ id: String) async throws -> Int {
    try await send(.delete, "/api/v1/sandboxes/\(id)").status
  }

  // MARK: WebSockets

  /// The stream behind a WebSocket's handshake, paused, with what came behind the answer.
  func upgrade(_ id: String, query: String = "") async throws -> HTTPUpgrade {
    let stream = try SocketStream.connect(loop: LoopActor.loop, to: address)
    var result: Result<HTTPUpgrade, HTTPClientError>?
    await withCheckedContinuation { (waiting: CheckedContinuation<Void, Never>) in
      WebSocketClientHandshake(
        stream, target: "/api/v1/sandboxes/\(id)/ws\(query)", host: "\(address)",
        fields: credentials, nonce: SystemRandom.pair(), timeoutMs: testDeadlineMs
      ) {
        result = $0
        waiting.resume()
      }
    }
    return try result!.get()
  }

  /// The status with which a WebSocket is refused; nil if it is not.
  func refusal(_ id: String) async -> Int? {
    do {
      try await upgrade(id).stream.close()
      return nil
    } catch {
      if case .refused(let status, _) = error as? HTTPClientError { return status }
      return 0
    }
  }

  /// A wire client whose SandboxReady has come.
  func connect(_ id: String, query: String = "") async throws -> WireClient {
    let client = WireClient(try await upgrade(id, query: query))
    _ = try await client.next(.sandboxReady)
    return client
  }
}
