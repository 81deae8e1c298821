/// A process of the host, told from a later one with the same pid by its start time.
struct HostProcess: Sendable, Equatable {
  let pid: Int32
  /// Clock ticks from the boot to the process's start: field 22 of /proc/PID/stat (proc(5)).
  let startTicks: UInt64

  /// Reads a line of /proc/PID/stat; nil for a process that has ended and waits for its parent.
  init?(pid: Int32, stat: [UInt8]) {
    // The second field is the program's name, which may hold spaces and parentheses.
    guard let nameEnd = stat.lastIndex(of: UInt8(ascii: ")")) else { return nil }
    let fields = stat[(nameEnd + 1)...].split(separator: UInt8(ascii: " "))
    guard fields.count > 19, let state = fields[0].first, !"ZXx".utf8.contains(state),
      let ticks = UInt64(String(decoding: fields[19], as: UTF8.self))
    else { return nil }
    self.init(pid: pid, startTicks: ticks)
  }

  init(pid: Int32, startTicks: UInt64) {
    self.pid = pid
    self.startTicks = startTicks
  }
}
