/// What `/metrics` tells of previews.
@LoopActor
final class PreviewCounts {
  /// By status class: `1xx` to `5xx`; 0 for those that broke off.
  private(set) var requests = [UInt64](repeating: 0, count: 6)
  private(set) var failures: [PreviewFailure: UInt64] = [:]
  /// Bytes of bodies and of upgraded connections.
  var toSandbox: UInt64 = 0
  var toClient: UInt64 = 0
  /// Connections that left HTTP, WebSockets most of them.
  var upgrades: UInt64 = 0

  func record(status: Int, byteCount: Int) {
    requests[min(status / 100, 5)] += 1
    toClient += UInt64(byteCount)
  }

  func record(_ failure: PreviewFailure) { failures[failure, default: 0] += 1 }

  func write(_ out: inout MetricsText, connectionCount: Int) {
    out.begin("xgen_preview_requests_total", "counter", "Requests to previews, by status class.")
    for (index, count) in requests.enumerated() {
      out.sample(count, [("status", index == 0 ? "none" : "\(index)xx")])
    }
    out.begin(
      "xgen_preview_failures_total", "counter",
      "Requests to previews that the sandbox's server did not answer, by reason.")
    for failure in PreviewFailure.allCases {
      out.sample(failures[failure] ?? 0, [("reason", failure.rawValue)])
    }
    out.begin(
      "xgen_preview_bytes_total", "counter",
      "Bytes of bodies and of upgraded connections of previews.")
    out.sample(toSandbox, [("direction", "to_sandbox")])
    out.sample(toClient, [("direction", "to_client")])
    out.begin("xgen_preview_upgrades_total", "counter", "Connections of previews that left HTTP.")
    out.sample(upgrades)
    out.begin(
      "xgen_preview_connections", "gauge",
      "Requests to previews under way, and their connections that have left HTTP.")
    out.sample(connectionCount)
  }
}
