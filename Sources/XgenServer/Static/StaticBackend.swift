internal import Reactor

/// Sandboxes that someone else runs: each one created is the next of a fixed list of sidecars.
///
/// It serves load tests, where the sidecar is an echo, and hosts that are looked after elsewhere.
/// Only a sidecar's `/ws`, and for previews its `/tunnel`, are ever dialled. Nothing is started, held
/// to limits, ended or persisted:
/// a create takes a name in this process's memory, and a restart knows none of them.
@LoopActor
final class StaticBackend: SandboxBackend {
  let name = "static"
  let hasOnlyWebSocket = true
  let notEnforced = Set(ResourceName.allCases)
  var onEvent: ((SandboxEvent) -> Void)?

  private let sidecars: [SocketAddress]
  private let directory: DataDirectory
  private let workers: WorkerPool
  private var lock: DataDirectoryLock?
  /// Where each sandbox leads.
  private var assigned: [String: SocketAddress] = [:]
  private var next = 0

  /// Precondition: there is a sidecar, and the data folder exists.
  init(_ sidecars: [SocketAddress], dataDirectory: String, workers: WorkerPool) {
    precondition(!sidecars.isEmpty, "a sandbox needs a sidecar")
    self.sidecars = sidecars
    directory = DataDirectory(path: dataDirectory)
    self.workers = workers
  }

  /// Takes the data folder, where other parts of the server keep files, for this server alone.
  func start() async throws(BackendError) -> [SandboxRecord] {
    let directory = directory
    let work = { @Sendable in
      Result { () throws(LocalError) in try DataDirectoryLock(directory) }
    }
    do { lock = try await workers.run(work).get() } catch { throw .unavailable("\(error)") }
    return []
  }

  func create(_ record: SandboxRecord) async throws(BackendError) {
    if record.gui { throw .unavailable("--backend static has no desktops (gui)") }
    assigned[record.id] = sidecars[next]
    next = (next + 1) % sidecars.count
  }

  func update(_ record: SandboxRecord) async throws(BackendError) {
    if assigned[record.id] == nil { throw .unknownSandbox }
  }

  func delete(id: String) async { assigned[id] = nil }

  func dial(id: String, _ destination: SandboxDestination) throws(BackendError) -> any ByteStream {
    guard let address = assigned[id] else { throw .unknownSandbox }
    do throws(UVError) {
      switch destination {
      case .sidecar:
        return try SocketStream.connect(loop: LoopActor.loop, to: address, eagerly: true)
      }
    } catch {
      throw .failed("the sidecar at \(address) can't be reached: \(error)")
    }
  }

  func shutdown() async {
    assigned = [:]
    lock?.release()
    lock = nil
  }
}
