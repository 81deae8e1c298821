/// What the processes under test use while something is measured: none, one, or several, such as
/// a master with its workers.
struct ProcessMeter {
  static let option = CommandOption(
    "--pid", "PID[,…]", "the processes under test: their CPU time and memory")

  private let pids: [Int]
  /// When the scenario was made, before its first connection.
  private let idle: ProcessUsage?
  private var before: ProcessUsage?
  private var after: ProcessUsage?

  private static let maxPid = 4_194_304

  init(_ arguments: Arguments) throws(UsageError) {
    pids = try arguments.integers("--pid", in: 1...Self.maxPid)
    idle = ProcessUsage(pids: pids)
    if idle == nil { throw UsageError("--pid: not all of them are processes") }
  }

  var isUsed: Bool { !pids.isEmpty }

  mutating func begin() { before = usage }

  mutating func end() { after = usage }

  /// What is wrong, after `end`.
  var failure: String? {
    isUsed && (before == nil || after == nil) ? "a process under test has ended" : nil
  }

  /// Nil without processes, or when one has ended.
  var usage: ProcessUsage? { isUsed ? ProcessUsage(pids: pids) : nil }

  /// For the report: CPU time by each unit of work, such as `message`, of which so many were done.
  func figures(per unit: String, _ count: Int, seconds: Double) -> [(String, JSON)] {
    guard let idle, let before, let after else { return [] }
    let cpuUs = after.cpuUs - before.cpuUs
    let each = cpuUs / Double(max(1, count))
    let user = after.userTicks - before.userTicks
    let ticks = user + after.systemTicks - before.systemTicks
    let userShare = Double(user) / Double(max(1, ticks))
    return [
      ("cpu_us_per_\(unit)", .number(each)),
      ("user_us_per_\(unit)", .number(each * userShare)),
      ("cpu_share", .number(seconds > 0 ? cpuUs / 1e6 / seconds : 0)),
      ("rss_idle_kib", .integer(idle.rssKiB)), ("rss_begin_kib", .integer(before.rssKiB)),
      ("rss_end_kib", .integer(after.rssKiB)),
    ]
  }

  /// For the report's parameters.
  var parameter: (String, JSON) { ("pid", .array(pids.map { .integer($0) })) }
}
