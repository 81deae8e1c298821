internal import Reactor

/// What makes laptop and fleet the same program: whatever is above it knows neither bubblewrap
/// nor pods. All calls are made on the loop; an implementation never blocks it.
@LoopActor
protocol SandboxBackend: AnyObject {
  /// `local`, `static` or `kubernetes`.
  var name: String { get }

  /// Told of every change that the backend sees by itself. Set once, before `start`.
  var onEvent: ((SandboxEvent) -> Void)? { get set }

  /// Checks what the backend needs and finds the sandboxes of an earlier run. Those that can't be
  /// served any more are removed and not returned.
  func start() async throws(BackendError) -> [SandboxRecord]

  /// Starts a sandbox and persists it. On return it will survive kill -9 of this server; its
  /// sidecar may still be starting.
  func create(_ record: SandboxRecord) async throws(BackendError)

  /// A sandbox that runs already and waits for whoever asks for such a one: its id, which is the
  /// caller's until `create` with it has returned. Nil where there is none.
  func takeWarm(for record: SandboxRecord) -> String?

  /// A create that has thrown is over for the catalog, too: nothing of it may stay.
  func abandon(id: String) async

  /// The catalog listens: what there is and what it is in is told as events.
  func didStart()

  /// The catalog has forgotten a sandbox: what there is of it is to be told anew.
  func retell(id: String)

  /// Persists a later expiry or a revocation (only `expiresAtMs` and `previews.linkEpoch` may
  /// differ from what was created).
  func update(_ record: SandboxRecord) async throws(BackendError)

  /// Persists how a sandbox is going to end, and why, where others must know it before it does.
  /// Throws if that can't be done: it does not end then.
  func keepEnd(_ stone: Tombstones.Entry, of record: SandboxRecord) async throws(BackendError)

  /// Whether this server is the one to end what has expired.
  var endsExpired: Bool { get }

  /// Whether a sandbox has expired for all who share the backend, of which no later keepalive can
  /// change anything.
  func claimExpiry(of record: SandboxRecord) async -> Bool

  /// Ends every process of the sandbox and frees all it holds; returns when nothing is left.
  /// Unknown ids are fine.
  func delete(id: String) async

  /// What this host can't hold sandboxes to; known after `start`.
  var notEnforced: Set<ResourceName> { get }

  /// Processes killed in a sandbox for want of memory, as far as it has been noticed.
  func memoryKills(id: String) -> UInt64

  /// Words for it if, by now, more were killed than `count`: `out of memory (limit 256Mi)`.
  func outOfMemory(id: String, since count: UInt64) async -> String?

  /// What sandboxes reach unless they ask for less, and the most that one may have; nil where the
  /// backend has no say.
  var network: SandboxNetwork? { get }

  /// A connection to a place inside the sandbox, connecting or connected.
  func dial(id: String, _ destination: SandboxDestination) throws(BackendError) -> any ByteStream

  /// A sidecar is reached at its `/ws` alone: its health is not asked for, and what goes over its
  /// other paths (files, ports) is refused.
  var hasOnlyWebSocket: Bool { get }

  /// The port inside at which the sidecar listens, where it does: no preview leads there.
  var sidecarPort: UInt16? { get }

  /// The backend tells by itself when a sandbox runs, and looks after its health.
  var tellsReadiness: Bool { get }

  /// Ends what must not outlive the server (local sandboxes), at SIGTERM and Ctrl-C.
  func shutdown() async

  /// Whether `shutdown` lets sandboxes live on.
  var keepsSandboxesAtShutdown: Bool { get }
}

extension SandboxBackend {
  var keepsSandboxesAtShutdown: Bool { false }
  var hasOnlyWebSocket: Bool { false }
  var sidecarPort: UInt16? { nil }
  var network: SandboxNetwork? { nil }
}

/// For backends whose sandboxes are this server's alone.
extension SandboxBackend {
  var endsExpired: Bool { true }
  var tellsReadiness: Bool { false }
  func takeWarm(for record: SandboxRecord) -> String? { nil }
  func abandon(id: String) async { await delete(id: id) }
  func didStart() {}
  func retell(id: String) {}
  func claimExpiry(of record: SandboxRecord) async -> Bool { true }
  func keepEnd(_ stone: Tombstones.Entry, of record: SandboxRecord) async throws(BackendError) {}
}

/// For backends that leave limits to others.
extension SandboxBackend {
  var notEnforced: Set<ResourceName> { [] }
  func memoryKills(id: String) -> UInt64 { 0 }
  func outOfMemory(id: String, since count: UInt64) async -> String? { nil }
}

/// Where a dial goes inside a sandbox.
enum SandboxDestination: Sendable, Equatable {
  case sidecar
}

/// A change that a backend reports.
enum SandboxEvent: Sendable, Equatable {
  /// The sandbox ended or broke without being asked to; the text says why.
  case failed(id: String, reason: String)
  /// So many processes inside were killed for want of memory; the sandbox may go on.
  case memoryKilled(id: String, count: UInt64)

  // Of backends that servers share, which tell what the others do, too. What is known already is
  // no news, and is passed over.
  /// There is a sandbox, starting; and what its Idempotency-Key stands for.
  case appeared(SandboxRecord, IdempotencyClaim?)
  case running(id: String)
  /// Kept alive up to then.
  case extended(id: String, toMs: Int64)
  /// Its preview links of earlier epochs are revoked.
  case revoked(id: String, linkEpoch: Int)
  /// It ends, or has ended, for this reason.
  case ending(Tombstones.Entry, IdempotencyClaim?)
  /// Nothing of it is left.
  case gone(id: String)
}

/// Why a backend could not do it.
enum BackendError: Error, Sendable, Equatable {
  /// This host can't serve it (a program is not installed, no room); the text says what to do.
  case unavailable(String)
  /// The attempt failed; the text says where.
  case failed(String)
  /// There is no room for it now; the text says what is used up.
  case noRoom(String)
  /// The order can't be met by any attempt.
  case invalid(FieldError)
  /// A create of a warm sandbox: somebody else has it, or it can't be used; another may be had.
  case taken(String)
  /// A create: there is one of this id, made by another server at the same client's request.
  case exists(SandboxRecord, IdempotencyClaim?)
  /// A create: the sandbox of this id has ended already.
  case hasEnded(Tombstones.Entry)
  /// No such sandbox here.
  case unknownSandbox
}

extension BackendError {
  /// For people.
  var reason: String {
    switch self {
    case .unavailable(let reason), .failed(let reason), .noRoom(let reason), .taken(let reason):
      reason
    case .invalid(let error): "\(error)"
    case .exists: "there is a sandbox of this id"
    case .hasEnded, .unknownSandbox: "the sandbox has ended"
    }
  }
}
