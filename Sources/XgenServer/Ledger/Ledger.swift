internal import Logging
internal import Reactor

/// What outlives sandboxes, and the server: how the last ones ended, and which Idempotency-Keys
/// made which. Kept in memory, and in a file where there is one.
@LoopActor
final class Ledger {
  /// Where it is kept, by whom it is written.
  struct Storage {
    let file: LedgerFile
    let workers: WorkerPool
  }

  private let storage: Storage?
  private let log: Logger
  private var keys = IdempotencyTable()
  private var tombstones = Tombstones()
  /// Requests that wait for the first one with their key.
  private var waiting: [IdempotencyKey: [CheckedContinuation<Void, Never>]] = [:]
  /// One write at a time, in order.
  private let turns = Turns()
  /// Bytes of the file when it was last written anew, and added since.
  private var rewrittenBytes = 0
  private var addedBytes = 0

  init(storage: Storage? = nil, log: Logger) {
    self.storage = storage
    self.log = log
  }

  /// Reads the file, adds what the records of living sandboxes tell, and writes it anew without
  /// what is over. Call it once no other server uses the folder.
  func load(adopting records: [SandboxRecord], nowMs: Int64) async throws(LocalError) {
    await turns.enter()
    defer { turns.leave() }
    if let file = storage?.file {
      for entry in try await run({ () throws(LocalError) in try file.load() }).get() {
        switch entry {
        case .claim(let claim): keys.adopt(claim, nowMs: nowMs)
        case .end(let stone): tombstones.add(stone)
        }
      }
    }
    // Its server died between the sandbox and the answer.
    for claim in records.compactMap({ IdempotencyClaim($0) }) { keys.adopt(claim, nowMs: nowMs) }
    sweep(nowMs: nowMs)
    try await rewrite().get()
  }

  func sweep(nowMs: Int64) {
    tombstones.sweep(nowMs: nowMs)
    keys.sweep(nowMs: nowMs)
  }

  // MARK: Ends

  func end(of id: String) -> Tombstones.Entry? { tombstones.entry(id) }

  /// Remembers ends, at once; returns when they are written down, as far as that can be done.
  func add(_ ends: [Tombstones.Entry]) async {
    for stone in ends { tombstones.add(stone) }
    do throws(LocalError) {
      try await append(ends.flatMap { LedgerEntry.end($0).line }, durable: false)
    } catch {
      log.warning("the end of a sandbox could not be written down", metadata: ["error": "\(error)"])
    }
  }

  /// An end that another server has decided and written down.
  func adopt(_ stone: Tombstones.Entry) {
    if tombstones.entry(stone.id) != stone { tombstones.add(stone) }
  }

  // MARK: Idempotency-Keys

  /// What another server has answered and written down.
  func adopt(_ claim: IdempotencyClaim, nowMs: Int64) { keys.adopt(claim, nowMs: nowMs) }

  func begin(_ request: IdempotentRequest, nowMs: Int64) -> IdempotencyTable.Verdict {
    keys.begin(request.key, bodyHash: request.mark.bodyHash, nowMs: nowMs)
  }

  /// Returns when the first request with that key has come to an end.
  func waitForFirst(_ key: IdempotencyKey) async {
    await withCheckedContinuation { waiting[key, default: []].append($0) }
  }

  /// The sandbox is made: on return that is known for 24 hours, whatever happens.
  func keep(_ claim: IdempotencyClaim) async throws(LocalError) {
    try await append(LedgerEntry.claim(claim).line, durable: true) { keys.keep(claim) }
    wake(claim.key)
  }

  /// It was not made.
  func release(_ key: IdempotencyKey) {
    keys.release(key)
    wake(key)
  }

  private func wake(_ key: IdempotencyKey) {
    for continuation in waiting.removeValue(forKey: key) ?? [] { continuation.resume() }
  }

  // MARK: The file

  /// Adds lines; `written` runs before the file may be written anew.
  private func append(
    _ lines: [UInt8], durable: Bool, written: () -> Void = {}
  ) async throws(LocalError) {
    guard let file = storage?.file, !lines.isEmpty else { return written() }
    await turns.enter()
    defer { turns.leave() }
    try await run { () throws(LocalError) in try file.append(lines, durable: durable) }.get()
    written()
    addedBytes += lines.count + 1
    guard addedBytes > max(Limits.minLedgerGrowthBytes, rewrittenBytes) else { return }
    if case .failure(let error) = await rewrite() {
      log.warning("the ledger could not be written anew", metadata: ["error": "\(error)"])
    }
  }

  /// Writes the file anew. Precondition: it is the caller's turn.
  private func rewrite() async -> Result<Void, LocalError> {
    guard let file = storage?.file else { return .success(()) }
    let entries =
      keys.claims.map { LedgerEntry.claim($0) } + tombstones.entries.map { LedgerEntry.end($0) }
    let result = await run { () throws(LocalError) in
      let lines = entries.flatMap(\.line)
      try file.rewrite(lines)
      return lines.count
    }
    return result.map {
      rewrittenBytes = $0
      addedBytes = 0
    }
  }

  /// Precondition: there is a file.
  private func run<Value: Sendable>(
    _ work: @escaping @Sendable () throws(LocalError) -> Value
  ) async -> Result<Value, LocalError> {
    do throws(WorkerPool.Full) {
      return try await storage!.workers.run { Result { () throws(LocalError) in try work() } }
    } catch {
      return .failure(.program("the server has too much to do at once"))
    }
  }
}
