import Glibc

/// Finds processes by their Unix session in /proc. It blocks: for a worker.
enum ProcessSweep {
  /// Of `/proc/PID/stat` (proc(5)), what tells whose process it is.
  struct Membership: Equatable {
    let group: Int32
    let session: Int32
    let isZombie: Bool

    /// `PID (name) state ppid pgrp session …`; the name may hold anything, `)` too.
    init?(stat: String) {
      guard let nameEnd = stat.utf8.lastIndex(of: UInt8(ascii: ")")) else { return nil }
      let fields = stat[nameEnd...].split(separator: " ")
      guard fields.count > 4, let group = Int32(fields[3]), let session = Int32(fields[4])
      else { return nil }
      self.group = group
      self.session = session
      isZombie = fields[1] == "Z" || fields[1] == "X"
    }
  }

  /// Signals every process of these sessions. SIGKILL goes round until nobody new turns up, so
  /// that nobody forks out of it; any other signal spares the leaders' own groups, which have it.
  static func signal(_ number: Int32, sessions: Set<Int32>) {
    var signalled: Set<Int32> = []
    repeat {
      let before = signalled.count
      forEachProcess { pid, member in
        guard sessions.contains(member.session), !member.isZombie else { return }
        if number != SIGKILL && member.group == member.session { return }
        if signalled.insert(pid).inserted { kill(pid, number) }
      }
      if signalled.count == before { return }
    } while number == SIGKILL
  }

  private static func forEachProcess(_ body: (Int32, Membership) -> Void) {
    guard let folder = opendir("/proc") else { return }
    defer { closedir(folder) }
    while let entry = readdir(folder) {
      let pid = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { Int32(String(cString: $0)) }
      }
      guard let pid, let text = read("/proc/\(pid)/stat"), let member = Membership(stat: text)
      else { continue }
      body(pid, member)
    }
  }

  private static func read(_ path: String) -> String? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    if descriptor < 0 { return nil }
    defer { close(descriptor) }
    return withUnsafeTemporaryAllocation(byteCount: 512, alignment: 1) { room in
      let count = Glibc.read(descriptor, room.baseAddress, room.count)
      return count > 0 ? String(decoding: room[..<count], as: UTF8.self) : nil
    }
  }
}
