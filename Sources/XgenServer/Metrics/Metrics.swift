/// What `/metrics` tells. Plain integers, counted on the loop.
///
/// The label `path` is a route's template and `method` one of HTTP's own, so that no client can
/// make new series.
@LoopActor
final class Metrics {
  private struct Key: Hashable {
    let method: String
    let path: String
  }

  private struct CountKey: Hashable {
    let key: Key
    let status: Int
  }

  /// Upper bounds in seconds.
  nonisolated static let bounds: [Double] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
  ]

  private struct Histogram {
    var buckets = [UInt64](repeating: 0, count: Metrics.bounds.count)
    var count: UInt64 = 0
    var sum = 0.0

    mutating func record(_ seconds: Double) {
      count += 1
      sum += seconds
      if let index = Metrics.bounds.firstIndex(where: { seconds <= $0 }) { buckets[index] += 1 }
    }
  }

  /// The path label of what no route matched.
  static let unmatchedPath = "unmatched"

  private var requests: [CountKey: UInt64] = [:]
  private var durations: [Key: Histogram] = [:]
  var sandboxesCreated: UInt64 = 0
  var sandboxesDeleted: UInt64 = 0
  /// Processes killed inside sandboxes for want of memory.
  var memoryKills: UInt64 = 0

  func recordRequest(method: String, path: String, status: Int, seconds: Double) {
    let key = Key(method: Self.label(method), path: path)
    requests[CountKey(key: key, status: status), default: 0] += 1
    durations[key, default: Histogram()].record(seconds)
  }

  private static func label(_ method: String) -> String {
    ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"].contains(method)
      ? method : "OTHER"
  }

  func render(activeSandboxes: Int) -> String {
    var text = ""
    family(&text, "xgen_http_requests_total", "counter", "HTTP requests answered.")
    for (key, count) in requests.sorted(by: { Self.precedes($0.key, $1.key) }) {
      text +=
        "xgen_http_requests_total{\(Self.labels(key.key)),status=\"\(key.status)\"} \(count)\n"
    }
    let name = "xgen_http_request_duration_seconds"
    family(&text, name, "histogram", "Time from a request's head to its answer.")
    for (key, histogram) in durations.sorted(by: { Self.precedes($0.key, $1.key) }) {
      render(&text, name, Self.labels(key), histogram)
    }
    family(&text, "xgen_sandboxes_active", "gauge", "Sandboxes that exist now.")
    text += "xgen_sandboxes_active \(activeSandboxes)\n"
    family(&text, "xgen_sandbox_create_total", "counter", "Sandboxes created.")
    text += "xgen_sandbox_create_total \(sandboxesCreated)\n"
    family(&text, "xgen_sandbox_delete_total", "counter", "Sandboxes ended, for any reason.")
    text += "xgen_sandbox_delete_total \(sandboxesDeleted)\n"
    let kills = "xgen_sandbox_memory_kills_total"
    family(&text, kills, "counter", "Processes killed inside sandboxes for want of memory.")
    text += "\(kills) \(memoryKills)\n"
    return text
  }

  private func family(_ text: inout String, _ name: String, _ type: String, _ help: String) {
    text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
  }

  private func render(
    _ text: inout String, _ name: String, _ labels: String, _ histogram: Histogram
  ) {
    var total: UInt64 = 0
    for (bound, count) in zip(Self.bounds, histogram.buckets) {
      total += count
      text += "\(name)_bucket{\(labels),le=\"\(bound)\"} \(total)\n"
    }
    text += "\(name)_bucket{\(labels),le=\"+Inf\"} \(histogram.count)\n"
    text += "\(name)_sum{\(labels)} \(histogram.sum)\n"
    text += "\(name)_count{\(labels)} \(histogram.count)\n"
  }

  private static func labels(_ key: Key) -> String {
    "method=\"\(key.method)\",path=\"\(key.path)\""
  }

  private static func precedes(_ left: Key, _ right: Key) -> Bool {
    (left.path, left.method) < (right.path, right.method)
  }

  private static func precedes(_ left: CountKey, _ right: CountKey) -> Bool {
    left.key == right.key ? left.status < right.status : precedes(left.key, right.key)
  }
}
