internal import Logging
internal import Reactor

/// Lines on stderr, as text for a terminal or as JSON for a collector.
struct StderrLogHandler: LogHandler {
  let isJSON: Bool
  var logLevel: Logger.Level
  var metadata: Logger.Metadata = [:]

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    let all = event.metadata.map { metadata.merging($0) { $1 } } ?? metadata
    let sorted = all.sorted { $0.key < $1.key }.map { (key: $0.key, value: "\($0.value)") }
    let line = LogLine(
      time: "\(Timestamp(unixMilliseconds: Clock.system.nowMs()))", level: event.level.rawValue,
      message: "\(event.message)", metadata: sorted)
    Self.write(isJSON ? line.json : line.text)
  }

  /// One write per line, so that lines of several threads do not mix.
  private static func write(_ line: [UInt8]) {
    line.withUnsafeBytes { StandardStream.error.write($0) }
  }
}
