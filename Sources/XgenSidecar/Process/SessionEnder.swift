import Glibc
import Reactor

/// Ends what a connection leaves behind: SIGHUP, and after the grace time SIGKILL, to every process
/// of the Unix sessions that its commands led. Groups alone would not do: an interactive shell
/// puts each of its jobs into a group of its own. What calls setsid(2) itself has left on purpose.
final class SessionEnder {
  private unowned let sidecar: Sidecar
  /// Endings that wait for their grace time.
  private(set) var waiting = 0

  init(sidecar: Sidecar) { self.sidecar = sidecar }

  /// For leaders whose connection is gone.
  func end(_ leaders: [Int32]) {
    if leaders.isEmpty { return }
    for leader in leaders { Glibc.kill(-leader, SIGHUP) }
    sweep(leaders, SIGHUP)
    waiting += 1
    sidecar.loop.after(ms: sidecar.limits.hangupGraceMs) { [self] in
      waiting -= 1
      kill(leaders.filter { !isTaken($0) })
    }
  }

  /// SIGKILL now, to all that is left of these sessions.
  func kill(_ leaders: [Int32]) {
    for leader in leaders { Glibc.kill(-leader, SIGKILL) }
    sweep(leaders, SIGKILL)
  }

  /// Whether the number has meanwhile been given to a command of a connection that is there.
  private func isTaken(_ leader: Int32) -> Bool {
    sidecar.processes.values.contains { $0.pid == leader && $0.isAttached }
  }

  /// With all workers busy and their queue full, the groups alone have got their signal; try again.
  private func sweep(_ leaders: [Int32], _ signal: Int32) {
    if leaders.isEmpty { return }
    let sessions = Set(leaders)
    do throws(WorkerPool.Full) {
      try sidecar.workers.submit({ ProcessSweep.signal(signal, sessions: sessions) }) { _ in }
    } catch {
      if sidecar.isClosed { return }
      waiting += 1
      sidecar.loop.after(ms: 50) { [self] in
        waiting -= 1
        sweep(leaders, signal)
      }
    }
  }
}
