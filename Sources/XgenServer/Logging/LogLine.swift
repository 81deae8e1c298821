/// One line of the log, whatever its values hold. Pure.
struct LogLine {
  let time: String
  let level: String
  let message: String
  let metadata: [(key: String, value: String)]

  private static let ownKeys = ["time", "level", "message"]

  /// `time level message key=value…`, for a terminal.
  var text: [UInt8] {
    var line = "\(time) \(level) \(Self.escapingControls(message))"
    for (key, value) in metadata { line += " \(key)=\(Self.quotedIfNeeded(value))" }
    return Array((line + "\n").utf8)
  }

  /// An object of strings, for a collector. No name stands twice.
  var json: [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    for (key, value) in zip(Self.ownKeys, [time, level, message]) {
      writer.key(key)
      writer.string(value)
    }
    for (key, value) in metadata {
      writer.key(Self.ownKeys.contains(key) ? "metadata.\(key)" : key)
      writer.string(value)
    }
    writer.endObject()
    return writer.bytes + [0x0A]
  }

  /// A value can't start a line of its own, hide the next key or move the terminal's cursor.
  private static func quotedIfNeeded(_ value: String) -> String {
    let isPlain = !value.isEmpty && value.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != 0x22 }
    if isPlain { return value }
    var writer = JSONWriter()
    writer.string(value)
    return escapingControls(String(decoding: writer.bytes, as: UTF8.self))
  }

  /// Controls of every kind, those of C1 and of writing direction included, as JSON escapes them.
  private static func escapingControls(_ text: String) -> String {
    var safe = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      switch scalar.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator:
        for unit in String(scalar).utf16 {
          let digits = String(unit, radix: 16)
          safe += "\\u\(String(repeating: "0", count: 4 - digits.count))\(digits)".unicodeScalars
        }
      default: safe.append(scalar)
      }
    }
    return String(safe)
  }
}
