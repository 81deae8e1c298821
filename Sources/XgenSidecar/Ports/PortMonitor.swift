import Reactor
import XgenProtocol

/// Knows which TCP ports are listened on, and tells every session of changes.
///
/// Who asks is answered with what the kernel says at that moment. A timer looks for changes only
/// while there is a session to tell: often for some time after anything has happened in the
/// sandbox, else seldom. A sandbox without sessions costs nothing.
final class PortMonitor {
  private unowned let sidecar: Sidecar
  /// The sidecar's own port.
  private let hidden: UInt16?
  /// Nil where the kernel has none: then a worker reads /proc.
  private var diagnostics: SocketDiagnostics?
  private var timer: Timer?
  /// Between two looks of the timer; nil while there is none.
  private(set) var intervalMs: UInt64?
  private var lastActivityMs: UInt64 = 0
  /// As the kernel listed them last: the same again is no news.
  private var listed: [UInt16] = []
  private var isReading = false
  /// Who waits for a reading of /proc that has begun, and for the one after it.
  private var asking: [([UInt16]?) -> Void] = []
  private var askingNext: [([UInt16]?) -> Void] = []
  /// What was open at the last look: in ascending order, at most `WireLimits.maxOpenPorts`.
  private(set) var openPorts: [UInt16] = []

  init(sidecar: Sidecar, hidden: UInt16?) {
    self.sidecar = sidecar
    self.hidden = hidden
  }

  func start() {
    do throws(UVError) { diagnostics = try SocketDiagnostics() } catch { diagnostics = nil }
  }

  // MARK: Looking

  /// Looks now and hands over what is open; nil if no worker has time to look. Where /proc must be
  /// read, `then` runs later.
  func look(_ then: @escaping ([UInt16]?) -> Void) {
    if askKernel() { return then(openPorts) }
    if isReading { return askingNext.append(then) }
    asking.append(then)
    readProc()
  }

  /// Looks now. Where /proc must be read, the news come later.
  func refresh() {
    if !askKernel() && !isReading { readProc() }
  }

  /// False if it can't be asked.
  private func askKernel() -> Bool {
    guard diagnostics != nil else { return false }
    do throws(UVError) {
      if let found = try diagnostics?.listeningPorts() { update(found) }
      return true
    } catch {
      diagnostics = nil
      return false
    }
  }

  private func readProc() {
    if sidecar.isClosed { return answer(nil) }
    isReading = true
    do throws(WorkerPool.Full) {
      try sidecar.workers.submit({ ProcNetTCP.listeningPorts() }) { [self] found in
        isReading = false
        update(found)
        answer(openPorts)
      }
    } catch {
      isReading = false
      answer(nil)
    }
  }

  private func answer(_ found: [UInt16]?) {
    let answered = asking
    asking = askingNext
    askingNext = []
    for then in answered { then(found) }
    if !asking.isEmpty && !isReading { readProc() }
  }

  private func update(_ found: [UInt16]) {
    if found == listed { return }
    listed = found
    var ports = Set(found)
    if let hidden { ports.remove(hidden) }
    let open = Array(ports.sorted().prefix(WireLimits.maxOpenPorts))
    if open == openPorts { return }
    openPorts = open
    noteActivity()
    for session in sidecar.sessions.values { session.tellOfPorts() }
  }

  // MARK: Time

  /// Something happens in the sandbox: what runs may listen soon.
  func noteActivity() {
    lastActivityMs = sidecar.loop.nowMs
    if intervalMs != sidecar.limits.busyPortPollMs { adjust() }
  }

  /// Chooses the interval; called when sessions come and go, too.
  func adjust() {
    let wanted = wantedIntervalMs
    if wanted == intervalMs { return }
    intervalMs = wanted
    timer?.cancel()
    timer = wanted.map { wanted in
      sidecar.loop.every(ms: wanted) { [unowned self] in
        refresh()
        adjust()
      }
    }
  }

  private var wantedIntervalMs: UInt64? {
    if sidecar.isClosed || sidecar.sessions.isEmpty { return nil }
    let limits = sidecar.limits
    let quietMs = sidecar.loop.nowMs - lastActivityMs
    return quietMs < limits.portBusyMs ? limits.busyPortPollMs : limits.idlePortPollMs
  }

  func close() {
    timer?.cancel()
    timer = nil
  }
}
