import Glibc
import Reactor

/// Lines on stdin, one at a time: each asks for something.
final class Demand {
  private var poll: Poll?
  /// True for a line, false at the end of stdin, once.
  private let onLine: (Bool) -> Void
  private var lineCount = 0
  private var hasEnded = false

  init(_ loop: Loop, _ onLine: @escaping (Bool) -> Void) throws(UVError) {
    self.onLine = onLine
    let poll = try Poll(loop: loop, descriptor: STDIN_FILENO) { [unowned self] _, _ in read() }
    self.poll = poll
    poll.watch(.readable)
  }

  private func read() {
    var bytes = [UInt8](repeating: 0, count: 4096)
    let count = Glibc.read(STDIN_FILENO, &bytes, bytes.count)
    if count < 0 && (errno == EAGAIN || errno == EINTR) { return }
    if count <= 0 {
      hasEnded = true
      poll?.watch([])
    } else {
      lineCount += bytes[..<count].count { $0 == UInt8(ascii: "\n") }
    }
    next()
  }

  /// Takes the next line that has come, if one has.
  func next() {
    if lineCount > 0 {
      lineCount -= 1
      onLine(true)
    } else if hasEnded {
      onLine(false)
    }
  }

  func cancel() {
    poll?.cancel()
    poll = nil
  }
}
