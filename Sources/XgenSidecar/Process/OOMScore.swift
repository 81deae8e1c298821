import Glibc

/// Makes commands die before the sidecar when the sandbox's memory is used up: a command is born
/// while our own score is raised, and keeps what it was born with (proc_pid_oom_score_adj(5)).
///
/// Raising needs no privilege, nor does going back: only the least value that a process ever had
/// by a privileged hand is a floor, and nobody sets one here.
final class OOMScore {
  /// Out of 1000; 500 is worth half of the memory that the sandbox may use.
  static let commands = 500
  /// Negative: none.
  private let descriptor: Int32
  private let own: Int

  /// Without a descriptor it changes nothing; otherwise it takes it over.
  init(descriptor: Int32 = -1, own: Int = 0) {
    self.descriptor = descriptor
    self.own = own
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  /// To be called before the process is made undumpable: its files in /proc are then root's.
  static func ofThisProcess() -> OOMScore {
    let descriptor = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC)
    if descriptor < 0 { return OOMScore() }
    var digits = [UInt8](repeating: 0, count: 16)
    let count = pread(descriptor, &digits, digits.count, 0)
    let text = String(decoding: digits.prefix(max(0, count)).filter { $0 > 0x20 }, as: UTF8.self)
    guard let own = Int(text), own < commands else {
      close(descriptor)
      return OOMScore()
    }
    return OOMScore(descriptor: descriptor, own: own)
  }

  func raise() { write(Self.commands) }

  func lower() { write(own) }

  private func write(_ score: Int) {
    if descriptor < 0 { return }
    let digits = Array(String(score).utf8)
    _ = pwrite(descriptor, digits, digits.count, 0)
  }
}
