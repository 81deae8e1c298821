/// Observations counted in buckets, as Prometheus wants them.
struct Histogram: Sendable {
  /// Upper bounds of requests and commands, in seconds.
  static let requestBounds: [Double] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
  ]
  /// Of the start of a sandbox, which may pull an image.
  static let startBounds: [Double] = [
    0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120,
  ]
  /// Of the loop's lag.
  static let lagBounds: [Double] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5]

  /// Ascending; above the last one there is only the total.
  let bounds: [Double]
  private(set) var buckets: [UInt64]
  private(set) var count: UInt64 = 0
  private(set) var sum = 0.0

  init(_ bounds: [Double]) {
    self.bounds = bounds
    buckets = [UInt64](repeating: 0, count: bounds.count)
  }

  mutating func record(_ value: Double) {
    count += 1
    sum += value
    if let index = bounds.firstIndex(where: { value <= $0 }) { buckets[index] += 1 }
  }
}
