/// Lets few file transfers at a time through, since each may hold 64 MiB; the rest wait in line,
/// which is bounded in number and in bytes.
final class TransferGate {
  private struct Waiting {
    let byteCount: Int
    let start: () -> Void
  }

  private let limits: SidecarLimits
  private(set) var running = 0
  private var line: [Waiting] = []
  private(set) var waitingBytes = 0

  init(limits: SidecarLimits) { self.limits = limits }

  var waitingCount: Int { line.count }

  var hasRoom: Bool { running < limits.fileTransfersAtOnce && line.isEmpty }

  /// Whether a transfer that holds so many bytes while it waits may come.
  func accepts(_ byteCount: Int) -> Bool {
    hasRoom
      || line.count < limits.fileTransfersWaiting
        && waitingBytes + byteCount <= limits.fileBytesWaiting
  }

  /// Runs `start` now or later; each start is followed by one `finish()`. Precondition: accepted.
  func enter(_ byteCount: Int, _ start: @escaping () -> Void) {
    if hasRoom {
      running += 1
      return start()
    }
    waitingBytes += byteCount
    line.append(Waiting(byteCount: byteCount, start: start))
  }

  func finish() {
    running -= 1
    while running < limits.fileTransfersAtOnce, !line.isEmpty {
      let next = line.removeFirst()
      waitingBytes -= next.byteCount
      running += 1
      next.start()
    }
  }
}
