import CLinux
import Glibc
import Reactor
import XgenProtocol

/// Everything that the connections of one sidecar share. It lives on the loop's thread.
final class Sidecar {
  let loop: Loop
  let limits: SidecarLimits
  private(set) var environment: BaseEnvironment
  let workspace: Workspace
  let workers: WorkerPool
  let oomScore: OOMScore
  /// Where every turn of output is read to, lent to one read at a time.
  let turnBuffer = UnsafeMutableRawBufferPointer.allocate(
    byteCount: SidecarLimits.turnBytes, alignment: 64)
  private(set) var sessions: [ObjectIdentifier: Session] = [:]
  /// By process id: our own count, not the kernel's pid.
  private(set) var processes: [UInt32: ExecProcess] = [:]
  private(set) lazy var ender = SessionEnder(sidecar: self)
  private(set) lazy var transfers = TransferGate(limits: limits)
  let fileStreams: FileStreams
  private(set) lazy var watches = WatchHub(sidecar: self)
  private(set) lazy var ports = PortMonitor(sidecar: self, hidden: ownPort)
  private(set) lazy var tunnels = TunnelTable(limits: limits)
  /// The TCP port that the sidecar itself listens on.
  let ownPort: UInt16?
  private var lastProcessID: UInt32 = 0
  private(set) var isClosed = false

  /// Makes the workspace folder if it is missing. `ownPort`, the TCP port that the sidecar itself
  /// listens on, is nobody's news.
  init(
    loop: Loop, workspace path: String, environment: [String: String],
    limits: SidecarLimits = SidecarLimits(), oomScore: OOMScore = OOMScore(),
    ownPort: UInt16? = nil
  ) throws(UVError) {
    self.loop = loop
    self.limits = limits
    self.oomScore = oomScore
    self.environment = BaseEnvironment(environment)
    self.ownPort = ownPort
    fileStreams = FileStreams(limit: limits.fileStreamsAtOnce)
    workspace = try Workspace(creating: path)
    workers = WorkerPool(loop: loop)
    ports.start()
  }

  deinit { turnBuffer.deallocate() }

  /// The sandbox's own variables, over those that are known.
  func adopt(environment variables: [String: String]) {
    environment = BaseEnvironment(environment.variables.merging(variables) { $1 })
  }

  func nextProcessID() -> UInt32 {
    repeat {
      lastProcessID &+= 1
    } while lastProcessID == 0 || processes[lastProcessID] != nil
    return lastProcessID
  }

  func add(_ session: Session) {
    sessions[ObjectIdentifier(session)] = session
    ports.noteActivity()
  }

  func remove(_ session: Session) {
    sessions[ObjectIdentifier(session)] = nil
    ports.adjust()
  }

  func add(_ process: ExecProcess) {
    processes[process.id] = process
    ports.noteActivity()
  }

  func remove(_ process: ExecProcess) { processes[process.id] = nil }

  /// Nothing runs and nothing is under way: it may be closed.
  var isIdle: Bool {
    sessions.isEmpty && processes.isEmpty && ender.waiting == 0 && workers.outstanding == 0
      && fileStreams.count == 0 && tunnels.count == 0
  }

  /// Closes every session; `done` follows when all they started has ended, after the grace time
  /// at most. The sidecar is closed then.
  func shutDown(then done: @escaping () -> Void) {
    for session in sessions.values { session.close() }
    tunnels.close()
    closeWhenIdle(done)
  }

  private func closeWhenIdle(_ done: @escaping () -> Void) {
    if isIdle {
      close()
      return done()
    }
    loop.after(ms: 10) { [self] in closeWhenIdle(done) }
  }

  /// To be called when it is idle. Idempotent.
  func close() {
    if isClosed { return }
    isClosed = true
    ports.close()
    watches.close()
    workers.close()
  }
}
