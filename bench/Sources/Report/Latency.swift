import Histogram

/// One kind of time, in an HDR histogram of nanoseconds with three significant digits.
struct Latency {
  /// Such as `round_trip`: the name in the JSON report.
  let name: String
  private var histogram = Histogram<UInt64>(
    highestTrackableValue: Self.highestNs, numberOfSignificantValueDigits: .three)

  /// An hour: whatever is longer counts as that.
  private static let highestNs: UInt64 = 3_600_000_000_000

  init(_ name: String) { self.name = name }

  mutating func record(ns: UInt64) { histogram.record(min(ns, Self.highestNs)) }

  var count: Int { Int(histogram.totalCount) }

  /// Label and microseconds.
  private var figures: [(label: String, us: Double)] {
    if count == 0 { return [] }
    let percentiles: [(String, Double)] = [
      ("p50", 50), ("p90", 90), ("p99", 99), ("p99.9", 99.9),
    ]
    // A bucket's upper end may lie above the greatest value in it.
    let top = histogram.maxRecorded
    return percentiles.map {
      ($0.0, Double(min(histogram.valueAtPercentile($0.1), top)) / 1000)
    } + [("max", Double(top) / 1000)]
  }

  /// `p50 81.2 µs  p90 …`
  var text: String {
    if count == 0 { return "nothing was measured" }
    return figures.map { "\($0.label) \($0.us.grouped) µs" }.joined(separator: "   ")
  }

  func json(seconds: Double) -> JSON {
    var members: [(String, JSON)] = [
      ("count", .integer(count)), ("per_second", .number(perSecond(seconds))),
    ]
    if count > 0 {
      members += [
        ("min_us", .number(Double(histogram.min) / 1000)),
        ("mean_us", .number(histogram.mean / 1000)),
      ]
    }
    members += figures.map { ("\($0.label)_us", .number($0.us)) }
    return .object(members)
  }

  func perSecond(_ seconds: Double) -> Double { seconds > 0 ? Double(count) / seconds : 0 }
}
