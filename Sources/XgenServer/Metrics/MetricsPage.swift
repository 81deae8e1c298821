internal import Reactor

/// What `/metrics` tells of the present, gathered at each scrape.
struct MetricsNow: Sendable {
  var census = SandboxCensus()
  /// Jobs given to the worker threads whose results are not back yet.
  var workerQueueDepth = 0
  /// Of previews.
  var previewConnections = 0
  /// Nil where /proc could not be read.
  var process: ProcessMetrics?
}

/// Sandboxes that exist, counted.
struct SandboxCensus: Sendable, Equatable {
  struct Key: Hashable, Sendable {
    let status: SandboxStatus
    let template: String
  }

  var total = 0
  var byStatusAndTemplate: [Key: Int] = [:]
  var byOwner: [String: Int] = [:]
  /// Open WebSockets of clients.
  var webSockets = 0

  /// Sandboxes by one half of the key.
  func count(by half: KeyPath<Key, String>) -> [String: Int] {
    byStatusAndTemplate.reduce(into: [:]) { $0[$1.key[keyPath: half], default: 0] += $1.value }
  }
}

/// The page that Prometheus scrapes: one family after the other, each series in a fixed order.
extension Metrics {
  func page(_ now: MetricsNow) -> String {
    var out = MetricsText()
    writeRequests(&out)
    writeSandboxes(&out, now.census)
    writeWebSockets(&out, now.census)
    previews.write(&out, connectionCount: now.previewConnections)
    writeExecs(&out)
    writeServer(&out, now)
    now.process?.write(&out)
    return out.text
  }

  private func writeRequests(_ out: inout MetricsText) {
    func labels(_ series: RequestSeries) -> [MetricsText.Label] {
      [("method", series.method.text), ("path", series.path.text)]
    }
    let all = requestSeries
    out.begin("xgen_http_requests_total", "counter", "HTTP requests answered.")
    for series in all {
      for (status, count) in series.statuses.sorted(by: { $0.status < $1.status }) {
        out.sample(count, labels(series) + [("status", String(status))])
      }
    }
    out.begin(
      "xgen_http_request_duration_seconds", "histogram",
      "Time from a request's head to the end of its answer.")
    for series in all { out.histogram(series.durations, labels(series)) }
    out.begin("xgen_auth_failures_total", "counter", "Requests not let in, by reason.")
    for reason in AuthFailure.allCases {
      out.sample(authFailures[reason] ?? 0, [("reason", reason.rawValue)])
    }
  }

  private func writeSandboxes(_ out: inout MetricsText, _ census: SandboxCensus) {
    out.begin("xgen_sandboxes_active", "gauge", "Sandboxes that exist now.")
    out.sample(census.total)
    out.begin("xgen_sandbox_create_total", "counter", "Sandboxes created.")
    out.sample(sandboxesCreated)
    out.begin("xgen_sandbox_delete_total", "counter", "Sandboxes ended, for any reason.")
    out.sample(sandboxesDeleted)
    out.begin(
      "xgen_sandbox_memory_kills_total", "counter",
      "Processes killed inside sandboxes for want of memory.")
    out.sample(memoryKills)
    out.begin("xgen_sandboxes", "gauge", "Sandboxes that exist now, by status and template.")
    let counts = census.byStatusAndTemplate.sorted {
      ($0.key.status.rawValue, $0.key.template) < ($1.key.status.rawValue, $1.key.template)
    }
    for (key, count) in counts {
      out.sample(count, [("status", key.status.rawValue), ("template", key.template)])
    }
    out.begin(
      "xgen_sandbox_start_seconds", "histogram",
      "Time from the order of a sandbox to running, by template and start.")
    let ordered = starts.sorted {
      ($0.key.template, $0.key.isWarm ? 1 : 0) < ($1.key.template, $1.key.isWarm ? 1 : 0)
    }
    for (key, histogram) in ordered {
      out.histogram(
        histogram, [("template", key.template), ("start", key.isWarm ? "warm" : "cold")])
    }
  }

  private func writeWebSockets(_ out: inout MetricsText, _ census: SandboxCensus) {
    out.begin("xgen_ws_connections", "gauge", "Open WebSockets of clients.")
    out.sample(census.webSockets)
    out.begin(
      "xgen_ws_bytes_total", "counter", "Bytes relayed on WebSockets, frame heads included.")
    out.sample(webSocketBytes.toUpstream, [("direction", "to_sandbox")])
    out.sample(webSocketBytes.toClient, [("direction", "to_client")])
  }

  private func writeExecs(_ out: inout MetricsText) {
    out.begin("xgen_exec_seconds", "histogram", "Duration of commands run over REST.")
    out.histogram(execs)
  }

  private func writeServer(_ out: inout MetricsText, _ now: MetricsNow) {
    out.begin(
      "xgen_event_loop_lag_seconds", "histogram",
      "How late the event loop's timer ran, measured twice a second.")
    out.histogram(loopLag)
    out.begin("xgen_worker_queue_depth", "gauge", "Jobs of the worker threads not finished yet.")
    out.sample(now.workerQueueDepth)
    out.begin("xgen_build_info", "gauge", "Always 1; the labels tell what runs.")
    out.sample(1, [("version", Settings.version)])
  }
}
