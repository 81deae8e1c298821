import Reactor
import XgenProtocol

/// Watches which TCP ports are listened on, and tells every session of changes.
///
/// It asks the kernel by a timer: often while somebody looks or something runs, else seldom.
final class PortMonitor {
  private unowned let sidecar: Sidecar
  /// The sidecar's own port.
  private let hidden: UInt16?
  /// Nil where the kernel has none: then a worker reads /proc.
  private var diagnostics: SocketDiagnostics?
  private var isReading = false
  private var timer: Timer?
  private var intervalMs: UInt64 = 0
  private var ports: Set<UInt16> = []

  init(sidecar: Sidecar, hidden: UInt16?) {
    self.sidecar = sidecar
    self.hidden = hidden
  }

  /// In ascending order.
  var openPorts: [UInt16] { ports.sorted() }

  func start() {
    do throws(UVError) { diagnostics = try SocketDiagnostics() } catch { diagnostics = nil }
    refresh()
    adjust()
  }

  /// Looks now. Where /proc must be read, the news come later.
  func refresh() {
    if let found = ask() { return update(found) }
    readProc()
  }

  private func ask() -> Set<UInt16>? {
    guard diagnostics != nil else { return nil }
    do throws(UVError) { return try diagnostics?.listeningPorts() } catch {
      diagnostics = nil
      return nil
    }
  }

  private func readProc() {
    if isReading || sidecar.isClosed { return }
    isReading = true
    do throws(WorkerPool.Full) {
      try sidecar.workers.submit({ ProcNetTCP.listeningPorts() }) { [self] found in
        isReading = false
        update(found)
      }
    } catch {
      isReading = false  // the timer comes again
    }
  }

  private func update(_ found: Set<UInt16>) {
    var found = found
    if let hidden { found.remove(hidden) }
    let opened = found.subtracting(ports).sorted()
    let closed = ports.subtracting(found).sorted()
    ports = found
    for session in sidecar.sessions.values {
      for port in closed { session.transport?.send(PortClose(port: port)) }
      for port in opened { session.transport?.send(PortOpen(port: port)) }
    }
  }

  /// Chooses the interval; called when sessions or processes come.
  func adjust() {
    if sidecar.isClosed { return }
    let isBusy = !sidecar.sessions.isEmpty || !sidecar.processes.isEmpty
    let wanted = isBusy ? sidecar.limits.busyPortPollMs : sidecar.limits.idlePortPollMs
    if wanted == intervalMs { return }
    intervalMs = wanted
    timer?.cancel()
    timer = sidecar.loop.every(ms: wanted) { [unowned self] in
      refresh()
      adjust()
    }
  }

  func close() {
    timer?.cancel()
    timer = nil
  }
}
