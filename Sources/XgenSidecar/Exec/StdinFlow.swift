import Reactor
import XgenProtocol

/// Flow control of one client's stdin.
///
/// A process that does not read must not fill our memory, so above a mark the session takes no
/// more messages, and the client's socket fills. That also holds back its ExecSignal; hence the
/// mark is far above what a person types, and a client that types gets its Ctrl-C through however
/// deaf the process is. One that has pushed more waits until the process reads or ends; if not a
/// byte is taken for the stall timeout, the deaf process loses its stdin (`limit_reached`, what
/// waited is dropped, the pipe is closed) and the client's messages are taken again. Nothing is
/// ever dropped from the middle of a stream.
final class StdinFlow {
  weak var session: Session?
  private let loop: Loop
  private let limits: SidecarLimits
  /// Runs while the session is paused: looks for progress that no drain reports.
  private var timer: Timer?
  private var pendingBefore = 0
  private var progressAtMs: UInt64 = 0

  init(loop: Loop, limits: SidecarLimits) {
    self.loop = loop
    self.limits = limits
  }

  private var pendingByteCount: Int {
    session?.channels.processes.reduce(0) { $0 + $1.pendingInputBytes } ?? 0
  }

  /// After a write, a drain, or the end of a process.
  func check() {
    guard let session else { return }
    let pending = pendingByteCount
    if timer == nil {
      if pending > limits.stdinHighBytes { pause(session, pending) }
    } else if pending <= limits.stdinLowBytes {
      resume(session)
    } else if pending != pendingBefore {
      pendingBefore = pending
      progressAtMs = loop.nowMs
    } else if loop.nowMs - progressAtMs >= limits.stdinStallMs {
      giveUp(session)
    }
  }

  private func pause(_ session: Session, _ pending: Int) {
    pendingBefore = pending
    progressAtMs = loop.nowMs
    timer = loop.every(ms: 50) { [unowned self] in check() }
    session.setGate(.stdin, true)
  }

  private func resume(_ session: Session) {
    timer?.cancel()
    timer = nil
    session.setGate(.stdin, false)
  }

  private func giveUp(_ session: Session) {
    let text = "stdin given up: nothing was read for \(limits.stdinStallMs / 1000) s"
    let failure = RequestFailure(.limitReached, text)
    for process in session.channels.processes where process.pendingInputBytes > 0 {
      process.closeInput()
      session.fail(failure, EnvelopeHead(.error, channel: process.channel))
    }
    resume(session)
  }

  func close() {
    timer?.cancel()
    timer = nil
    session = nil
  }
}
