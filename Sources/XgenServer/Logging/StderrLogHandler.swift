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
    let time = "\(Timestamp(unixMilliseconds: Clock.system.nowMs()))"
    let level = event.level.rawValue
    Self.write(
      isJSON
        ? Self.json(time, level, "\(event.message)", sorted)
        : Self.text(time, level, "\(event.message)", sorted))
  }

  private static func text(
    _ time: String, _ level: String, _ message: String, _ metadata: [(key: String, value: String)]
  ) -> [UInt8] {
    var line = "\(time) \(level) \(message)"
    for (key, value) in metadata { line += " \(key)=\(quotedIfNeeded(value))" }
    return Array((line + "\n").utf8)
  }

  /// A value can't start a line of its own or hide the next key.
  private static func quotedIfNeeded(_ value: String) -> String {
    let isPlain = !value.isEmpty && value.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != 0x22 }
    if isPlain { return value }
    var writer = JSONWriter()
    writer.string(value)
    return String(decoding: writer.bytes, as: UTF8.self)
  }

  private static func json(
    _ time: String, _ level: String, _ message: String, _ metadata: [(key: String, value: String)]
  ) -> [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    for (key, value) in [("time", time), ("level", level), ("message", message)] + metadata {
      writer.key(key)
      writer.string(value)
    }
    writer.endObject()
    return writer.bytes + [0x0A]
  }

  /// One write per line, so that lines of several threads do not mix.
  private static func write(_ line: [UInt8]) {
    line.withUnsafeBytes { StandardStream.error.write($0) }
  }
}
