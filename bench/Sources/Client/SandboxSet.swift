import Reactor

/// The sandboxes that this run has made and not deleted yet: whatever happens to a scenario, none
/// stays behind.
final class SandboxSet {
  typealias Created = (Result<String, APIFailure>) -> Void
  typealias Deleted = (APIFailure?) -> Void

  private let api: APIClient
  private(set) var live: Set<String> = []
  /// Creates whose answer has not come: their sandboxes have no name yet.
  private var creating = 0
  private var deleting: Set<String> = []
  /// Tried by `deleteAll`, which tries each once.
  private var swept: Set<String> = []
  /// Deletes that wait for the server's rate limit.
  private var delayed = 0
  private var onEmpty: (() -> Void)?
  private var onFailure: ((APIFailure) -> Void)?

  /// For the server, should we be killed.
  static let lifetimeSeconds = 3600
  static let startTimeoutMs: UInt64 = 60_000
  static let pollMs: UInt64 = 5
  private static let maxConcurrentDeletes = 16
  private static let rateLimitPauseMs: UInt64 = 1_000

  init(api: APIClient) { self.api = api }

  // MARK: Create

  /// Creates a sandbox and waits until it runs.
  func create(_ completion: @escaping Created) {
    creating += 1
    let body = JSON.object([
      ("template", .string("base")), ("timeout_seconds", .integer(Self.lifetimeSeconds)),
      ("metadata", .object([("made_by", .string("xgen-bench"))])),
    ])
    api.call(.post, "/api/v1/sandboxes", body: body, expecting: 201, timeoutMs: 60_000) {
      [self] result in
      creating -= 1
      switch result {
      case .failure(let failure): completion(.failure(failure))
      case .success(let reply): didCreate(reply, completion)
      }
      sweep()
    }
  }

  private func didCreate(_ reply: APIReply, _ completion: @escaping Created) {
    guard let id = reply.json?["id"]?.text, Self.isPlain(id) else {
      return completion(.failure(.unexpected("create", "the answer has no usable id")))
    }
    live.insert(id)
    judge(id, reply, since: api.loop.nowMs, completion)
  }

  /// The id becomes part of paths.
  private static func isPlain(_ id: String) -> Bool {
    !id.isEmpty
      && id.utf8.allSatisfy {
        UInt8(ascii: "a")...UInt8(ascii: "z") ~= $0 || UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0
          || UInt8(ascii: "A")...UInt8(ascii: "Z") ~= $0 || $0 == UInt8(ascii: "-")
      }
  }

  private func judge(
    _ id: String, _ reply: APIReply, since startMs: UInt64, _ completion: @escaping Created
  ) {
    switch reply.json?["status"]?.text {
    case "running": completion(.success(id))
    case "starting":
      if api.loop.nowMs - startMs > Self.startTimeoutMs {
        return completion(.failure(.unexpected("create", "\(id) did not start in time")))
      }
      api.loop.after(ms: Self.pollMs) { [self] in poll(id, since: startMs, completion) }
    case let status:
      let reason = reply.json?["status_reason"]?.text.map { ": \($0)" } ?? ""
      let text = "\(id) is \(status ?? "without status")\(reason)"
      completion(.failure(.unexpected("create", text)))
    }
  }

  private func poll(_ id: String, since startMs: UInt64, _ completion: @escaping Created) {
    api.call(.get, "/api/v1/sandboxes/\(id)", expecting: 200) { [self] result in
      switch result {
      case .failure(let failure): completion(.failure(failure))
      case .success(let reply): judge(id, reply, since: startMs, completion)
      }
    }
  }

  // MARK: Delete

  func delete(_ id: String, _ completion: @escaping Deleted) {
    deleting.insert(id)
    api.call(.delete, "/api/v1/sandboxes/\(id)", expecting: 204) { [self] result in
      deleting.remove(id)
      switch result {
      case .success:
        live.remove(id)
        completion(nil)
      case .failure(let failure):
        if failure.status == 404 || failure.status == 410 { live.remove(id) }
        completion(failure)
      }
      sweep()
    }
  }

  /// Deletes all, also those whose create is under way, and waits for the server's rate limit.
  /// `onEmpty` runs when no more can be done.
  func deleteAll(onFailure: @escaping (APIFailure) -> Void, onEmpty: @escaping () -> Void) {
    self.onFailure = onFailure
    self.onEmpty = onEmpty
    sweep()
  }

  /// Ends `deleteAll` where it is.
  func abandon() { onEmpty = nil }

  private func sweep() {
    guard let onEmpty else { return }
    for id in live.subtracting(deleting).subtracting(swept) {
      if deleting.count >= Self.maxConcurrentDeletes { return }
      swept.insert(id)
      delete(id) { [self] in didSweep(id, $0) }
    }
    if deleting.isEmpty && creating == 0 && delayed == 0 {
      self.onEmpty = nil
      onEmpty()
    }
  }

  private func didSweep(_ id: String, _ failure: APIFailure?) {
    guard let failure, live.contains(id) else { return }
    guard failure.isRateLimit else {
      onFailure?(failure)
      return
    }
    delayed += 1
    api.loop.after(ms: Self.rateLimitPauseMs) { [self] in
      delayed -= 1
      swept.remove(id)
      sweep()
    }
  }
}
