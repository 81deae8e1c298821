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

  /// Persists a later expiry or a revocation (only `expiresAtMs` and `previews.linkEpoch` may
  /// differ from what was created).
  func update(_ record: SandboxRecord) async throws(BackendError)

  /// Ends every process of the sandbox and frees all it holds; returns when nothing is left.
  /// Unknown ids are fine.
  func delete(id: String) async

  /// What this host can't hold sandboxes to; known after `start`.
  var notEnforced: Set<ResourceName> { get }

  /// Processes killed in a sandbox for want of memory, as far as it has been noticed.
  func memoryKills(id: String) -> UInt64

  /// Words for it if, by now, more were killed than `count`: `out of memory (limit 256Mi)`.
  func outOfMemory(id: String, since count: UInt64) async -> String?

  /// A connection to a place inside the sandbox, connecting or connected.
  func dial(id: String, _ destination: SandboxDestination) throws(BackendError) -> any ByteStream

  /// A sidecar is reached at its `/ws` alone: its health is not asked for, and what goes over its
  /// other paths (files, ports) is refused.
  var hasOnlyWebSocket: Bool { get }

  /// The port inside at which the sidecar listens, where it does: no preview leads there.
  var sidecarPort: UInt16? { get }

  /// Ends what must not outlive the server (local sandboxes), at SIGTERM and Ctrl-C.
  func shutdown() async

  /// Whether `shutdown` lets sandboxes live on.
  var keepsSandboxesAtShutdown: Bool { get }
}

extension SandboxBackend {
  var keepsSandboxesAtShutdown: Bool { false }
  var hasOnlyWebSocket: Bool { false }
  var sidecarPort: UInt16? { nil }
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
}

/// Why a backend could not do it.
enum BackendError: Error, Sendable, Equatable {
  /// This host can't serve it (a program is not installed, no room); the text says what to do.
  case unavailable(String)
  /// The attempt failed; the text says where.
  case failed(String)
  /// No such sandbox here.
  case unknownSandbox
}
