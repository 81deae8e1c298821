import XgenProtocol

/// A session's processes by channel and by process id, from the Ack to ExecExit.
struct ChannelTable {
  private var byChannel: [UInt32: ExecProcess] = [:]
  private var lastAssigned = WireLimits.firstAssignedChannel - 1

  var processes: Dictionary<UInt32, ExecProcess>.Values { byChannel.values }
  var count: Int { byChannel.count }

  /// Pids of the commands that run; each leads a Unix session of its own.
  var runningLeaders: [Int32] { byChannel.values.filter(\.isRunning).map(\.pid) }

  /// The channel for an ExecStart: the client's own, or a free one from 101 on for channel 0.
  /// Nil if the client's is taken.
  mutating func claim(_ channel: UInt32) -> UInt32? {
    if channel != 0 { return byChannel[channel] == nil ? channel : nil }
    repeat {
      lastAssigned = lastAssigned == .max ? WireLimits.firstAssignedChannel : lastAssigned + 1
    } while byChannel[lastAssigned] != nil
    return lastAssigned
  }

  mutating func add(_ process: ExecProcess) { byChannel[process.channel] = process }

  mutating func remove(_ process: ExecProcess) { byChannel[process.channel] = nil }

  /// By the process id, or by the channel where the id is 0, as clients send it.
  func find(processID: UInt32, channel: UInt32) -> ExecProcess? {
    if processID == 0 { return byChannel[channel] }
    return byChannel.values.first { $0.id == processID }
  }
}
