/// The Prometheus text format, version 0.0.4: families one after the other, each with its samples.
struct MetricsText {
  typealias Label = (name: StaticString, value: String)

  static let contentType: StaticString = "text/plain; version=0.0.4; charset=utf-8"

  private(set) var text = ""
  private var family = ""

  /// Begins a family; what is written next belongs to it.
  mutating func begin(_ name: String, _ type: StaticString, _ help: StaticString) {
    family = name
    text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
  }

  mutating func sample(_ value: some BinaryInteger, _ labels: [Label] = []) {
    line("", labels, String(value))
  }

  mutating func sample(_ value: Double, _ labels: [Label] = []) {
    line("", labels, "\(value)")
  }

  mutating func histogram(_ histogram: Histogram, _ labels: [Label] = []) {
    var total: UInt64 = 0
    for (bound, count) in zip(histogram.bounds, histogram.buckets) {
      total += count
      line("_bucket", labels + [("le", "\(bound)")], String(total))
    }
    line("_bucket", labels + [("le", "+Inf")], String(histogram.count))
    line("_sum", labels, "\(histogram.sum)")
    line("_count", labels, String(histogram.count))
  }

  private mutating func line(_ suffix: StaticString, _ labels: [Label], _ value: String) {
    text += "\(family)\(suffix)"
    if !labels.isEmpty {
      let pairs = labels.map { "\($0.name)=\"\(Self.escaped($0.value))\"" }
      text += "{\(pairs.joined(separator: ","))}"
    }
    text += " \(value)\n"
  }

  /// A label's value: backslash, quote and line feed are escaped.
  private static func escaped(_ value: String) -> String {
    guard value.utf8.contains(where: { $0 == 0x5C || $0 == 0x22 || $0 == 0x0A }) else {
      return value
    }
    return value.reduce(into: "") { text, character in
      switch character {
      case "\\": text += "\\\\"
      case "\"": text += "\\\""
      case "\n": text += "\\n"
      default: text.append(character)
      }
    }
  }
}
