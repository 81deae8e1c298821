internal import CLinux
internal import Glibc

/// Watches a process that need not be our child, such as one that outlived an earlier server.
public final class ProcessWatch {
  public let pid: Int32
  private let pidfd: Int32
  private var poll: Poll?
  private var onEnd: (() -> Void)?
  /// Known after the end of a process that is our child: 128+n for a death by signal n.
  public private(set) var exitCode: Int32?

  /// Throws ESRCH if no such process runs. A caller that has the pid from a file compares the
  /// process's start time after this, so that a reused pid is not taken for it.
  public init(loop: Loop, pid: Int32, _ onEnd: @escaping () -> Void) throws(UVError) {
    self.pid = pid
    self.onEnd = onEnd
    pidfd = try check(xgen_pidfd_open(pid))
    do {
      let poll = try Poll(loop: loop, descriptor: pidfd) { [self] _, _ in ended() }
      poll.watch(.readable)
      self.poll = poll
    } catch {
      Glibc.close(pidfd)
      throw error
    }
  }

  private func ended() {
    let onEnd = self.onEnd
    var code: Int32 = 0
    if xgen_reap(pid, &code) > 0 { exitCode = code }  // fails for what is not our child
    cancel()
    onEnd?()
  }

  /// The pidfd names this very process, also when its pid is used again.
  public func kill() { _ = xgen_pidfd_send_signal(pidfd, SIGKILL) }

  /// Idempotent; `onEnd` does not run afterwards.
  public func cancel() {
    onEnd = nil
    let descriptor = pidfd
    poll?.cancel { Glibc.close(descriptor) }
    poll = nil
  }
}
