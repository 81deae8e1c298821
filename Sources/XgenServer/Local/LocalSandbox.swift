internal import Reactor

/// One sandbox of this host and the watches on its processes.
@LoopActor
final class LocalSandbox {
  /// What is on disk, or will be when the present turn is over.
  var state: SandboxState
  /// Starting, saving and ending exclude one another.
  let turns = Turns()
  /// A delete has begun: the end of its processes is no failure.
  var isUnwanted = false
  /// It is being ended for what it used; its client has been told why.
  var isCondemned = false
  /// Nil until it has started, and on hosts without.
  var cgroup: SandboxCgroup?
  /// Processes killed inside for want of memory, as far as it has been noticed.
  var memoryKills: UInt64 = 0
  /// Loop time at which the last of them was noticed.
  var memoryKilledAtMs: UInt64?
  private(set) var hasEnded = false
  /// The sidecar's exit code, known if this server started it: 128+n for a death by signal n.
  private(set) var exitCode: Int32?

  private var sidecar: ProcessWatch?
  private var monitor: ProcessWatch?
  /// pasta's, where it has a network.
  private var network: ProcessWatch?
  /// The network ended while the sandbox went on. Called once.
  var onNetworkEnd: (() -> Void)?
  private var onEnd: (() -> Void)?
  private var waiting: [CheckedContinuation<Void, Never>] = []

  init(_ state: SandboxState) { self.state = state }

  /// Its processes run, and are to.
  var isSwept: Bool { sidecar != nil && !isUnwanted && !isCondemned }

  /// Watches the processes; `onEnd` runs once when both have ended. Throws, and watches nothing,
  /// if the host has no room for a watch.
  func watch(
    _ processes: SandboxState.Processes, loop: Loop, onEnd: @escaping () -> Void
  ) throws(UVError) {
    self.onEnd = onEnd
    do {
      sidecar = try watch(processes.sidecar.pid, loop) { self.sidecarEnded() }
      monitor = try watch(processes.monitor.pid, loop) { self.monitorEnded() }
      if let process = processes.network {
        network = try watch(process.pid, loop) { self.networkEnded() }
      }
    } catch {
      detach()
      throw error
    }
    endIfOver()
  }

  private func watch(
    _ pid: Int32, _ loop: Loop, _ onEnd: @escaping () -> Void
  ) throws(UVError) -> ProcessWatch? {
    do {
      return try ProcessWatch(loop: loop, pid: pid, onEnd)
    } catch  where error == .noSuchProcess {
      return nil
    }
  }

  private func sidecarEnded() {
    sidecar = nil
    endIfOver()
  }

  /// bubblewrap ends with the exit code of the first process.
  private func monitorEnded() {
    exitCode = monitor?.exitCode
    monitor = nil
    endIfOver()
  }

  private func networkEnded() {
    network = nil
    if sidecar != nil { onNetworkEnd?() }
    onNetworkEnd = nil
    endIfOver()
  }

  private func endIfOver() {
    guard sidecar == nil, monitor == nil, !hasEnded else { return }
    // It serves nobody any more, and would go on.
    if let network { return network.kill() }
    hasEnded = true
    for continuation in waiting { continuation.resume() }
    waiting = []
    let onEnd = self.onEnd
    self.onEnd = nil
    onEnd?()
  }

  /// The first process's death ends every other one; bubblewrap then ends by itself.
  func kill() { sidecar?.kill() }

  /// Returns when no process is left.
  func waitForEnd() async {
    if hasEnded { return }
    await withCheckedContinuation { waiting.append($0) }
  }

  /// Forgets a network that is gone: its pid may be another process's by now.
  func dropNetwork() {
    network?.cancel()
    network = nil
    let tell = onNetworkEnd
    onNetworkEnd = nil
    tell?()
  }

  /// Lets the processes be.
  func detach() {
    onEnd = nil
    onNetworkEnd = nil
    sidecar?.cancel()
    monitor?.cancel()
    network?.cancel()
    network = nil
    sidecar = nil
    monitor = nil
  }
}
