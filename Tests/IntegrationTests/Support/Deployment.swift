import Logging
import Reactor
import Synchronization

@testable import XgenServer

/// A server in this process, at a free port, with the clock in the test's hand.
@LoopActor
final class Deployment {
  let server: Server
  let clock: TestClock
  private(set) var address: SocketAddress!
  /// Used where the backend has none; its threads start when first needed.
  private let ownWorkers: WorkerPool?
  private var hasEnded = false

  static let adminKey = "the-tests-own-key"
  static let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

  init(
    backend: any SandboxBackend, workers: WorkerPool? = nil,
    timeouts: SidecarTimeouts = SidecarTimeouts(), ledger: LedgerFile? = nil,
    clock: TestClock = TestClock(),
    change: (inout Settings) -> Void = { _ in }
  ) throws {
    var settings = Settings()
    settings.listen = [.loopback(port: 0)]
    settings.rateLimitPerMinute = 0
    change(&settings)
    let keys = try APIKeyStore(file: Self.users, adminKey: Self.adminKey)
    let tokens = TokenIssuer(secret: SystemRandom.bytes(32), keys: keys)!
    ownWorkers = workers == nil ? WorkerPool(loop: LoopActor.loop, maxThreads: 2) : nil
    let workers = workers ?? ownWorkers!
    self.clock = clock
    server = Server(
      settings: settings, tokens: tokens, backend: backend, workers: workers, log: Self.quiet,
      clock: clock.clock, timeouts: timeouts,
      ledger: ledger.map { Ledger(storage: .init(file: $0, workers: workers), log: Self.quiet) })
  }

  /// Two users beside the admin, whose keys are `key-of-ann` and `key-of-bob`.
  private static var users: [UInt8] {
    let entries = ["ann", "bob"].map { name in
      let digest = SHA256.hash(Array("key-of-\(name)".utf8))
      let digits = digest.flatMap { [$0 >> 4, $0 & 15] }.map { String($0, radix: 16) }.joined()
      return #"{"name":"\#(name)","key_sha256":"\#(digits)","role":"user"}"#
    }
    return Array("[\(entries.joined(separator: ","))]".utf8)
  }

  func start() async throws { address = try await server.start().first }

  /// Idempotent.
  func end() async {
    if hasEnded { return }
    hasEnded = true
    await server.shutDown()
    ownWorkers?.close()
  }

  /// A client with the admin's key.
  var client: APIClient { client("ApiKey \(Self.adminKey)") }

  func client(_ authorization: String?) -> APIClient {
    APIClient(address: address, authorization: authorization)
  }

  func sandbox(_ id: String) throws -> Sandbox {
    try server.catalog.find(id, for: Principal(name: "admin", role: .admin))
  }
}

/// Wall-clock time that moves when the test says so.
final class TestClock: Sendable {
  private let nowMs = Atomic<Int64>(1_900_000_000_000)

  var clock: Clock { Clock { self.nowMs.load(ordering: .relaxed) } }

  func advance(seconds: Int64) { nowMs.add(seconds * 1000, ordering: .relaxed) }
}
