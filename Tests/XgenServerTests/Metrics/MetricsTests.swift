import Reactor
import ServerTestSupport
import Testing

@testable import XgenServer

@Suite struct MetricsTests {
  private func lines(
    _ now: MetricsNow = MetricsNow(),
    _ body: @escaping @Sendable @LoopActor (Metrics) -> Void = { _ in }
  ) async throws -> [String] {
    try await TestLoop.run {
      let metrics = Metrics()
      body(metrics)
      return metrics.page(now).split(separator: "\n").map(String.init)
    }
  }

  @Test func everyFamilyIsThereFromTheStart() async throws {
    let lines = try await lines(MetricsNow(process: ProcessMetrics.read()))
    let families = [
      ("xgen_http_requests_total", "counter"), ("xgen_http_request_duration_seconds", "histogram"),
      ("xgen_sandboxes_active", "gauge"), ("xgen_sandbox_create_total", "counter"),
      ("xgen_sandbox_delete_total", "counter"),
      ("xgen_sandbox_memory_kills_total", "counter"), ("xgen_ws_connections", "gauge"),
      ("xgen_ws_bytes_total", "counter"), ("xgen_sandboxes", "gauge"),
      ("xgen_preview_requests_total", "counter"), ("xgen_preview_failures_total", "counter"),
      ("xgen_preview_bytes_total", "counter"), ("xgen_preview_upgrades_total", "counter"),
      ("xgen_preview_connections", "gauge"),
      ("xgen_sandbox_start_seconds", "histogram"), ("xgen_exec_seconds", "histogram"),
      ("xgen_auth_failures_total", "counter"), ("xgen_event_loop_lag_seconds", "histogram"),
      ("xgen_worker_queue_depth", "gauge"), ("xgen_build_info", "gauge"),
      ("process_cpu_seconds_total", "counter"), ("process_resident_memory_bytes", "gauge"),
      ("process_virtual_memory_bytes", "gauge"), ("process_start_time_seconds", "gauge"),
      ("process_open_fds", "gauge"), ("process_max_fds", "gauge"), ("process_threads", "gauge"),
    ]
    for (name, type) in families {
      #expect(lines.contains("# TYPE \(name) \(type)"), "\(name)")
      #expect(lines.contains { $0.hasPrefix("# HELP \(name) ") })
    }
    #expect(lines.count { $0.hasPrefix("# TYPE") } == families.count)
    #expect(lines.contains("xgen_sandboxes_active 0"))
    #expect(lines.contains("xgen_ws_bytes_total{direction=\"to_client\"} 0"))
    #expect(lines.contains("xgen_auth_failures_total{reason=\"expired_token\"} 0"))
    #expect(lines.contains("xgen_build_info{version=\"\(Settings.version)\"} 1"))
  }

  @Test func requestsAreCountedByMethodPathAndStatus() async throws {
    let path = PathLabel("/a/{id}")
    let lines = try await lines { metrics in
      metrics.recordRequest(method: .get, path: path, status: 200, seconds: 0.001)
      metrics.recordRequest(method: .get, path: path, status: 200, seconds: 0.2)
      metrics.recordRequest(method: .get, path: path, status: 404, seconds: 40)
      metrics.sandboxesCreated = 5
      metrics.sandboxesDeleted = 2
    }
    let name = "xgen_http_requests_total{method=\"GET\",path=\"/a/{id}\",status="
    #expect(lines.contains("\(name)\"200\"} 2") && lines.contains("\(name)\"404\"} 1"))
    #expect(lines.contains("xgen_sandbox_create_total 5"))
    #expect(lines.contains("xgen_sandbox_delete_total 2"))
  }

  @Test func sandboxesAreCountedByStatusAndTemplate() async throws {
    let census = SandboxCensus(
      total: 3,
      byStatusAndTemplate: [
        .init(status: .running, template: "base"): 2, .init(status: .error, template: "go"): 1,
      ], webSockets: 7)
    let lines = try await lines(MetricsNow(census: census, workerQueueDepth: 4)) { metrics in
      metrics.recordStart(template: "base", isWarm: false, seconds: 0.02)
      metrics.webSocketBytes.toUpstream += 11
    }
    #expect(lines.contains("xgen_sandboxes_active 3"))
    #expect(lines.contains("xgen_sandboxes{status=\"running\",template=\"base\"} 2"))
    #expect(lines.contains("xgen_sandboxes{status=\"error\",template=\"go\"} 1"))
    #expect(lines.contains("xgen_ws_connections 7"))
    #expect(lines.contains("xgen_worker_queue_depth 4"))
    #expect(lines.contains("xgen_ws_bytes_total{direction=\"to_sandbox\"} 11"))
    let start = "xgen_sandbox_start_seconds_bucket{template=\"base\",start=\"cold\",le="
    #expect(lines.contains("\(start)\"0.01\"} 0") && lines.contains("\(start)\"0.025\"} 1"))
  }

  @Test func bucketsAddUp() async throws {
    let path = PathLabel("/")
    let lines = try await lines { metrics in
      for seconds in [0, 0.0005, 0.0006, 30, 31] {
        metrics.recordRequest(method: .get, path: path, status: 200, seconds: seconds)
      }
    }
    let name = "xgen_http_request_duration_seconds"
    let labels = "method=\"GET\",path=\"/\""
    #expect(lines.contains("\(name)_bucket{\(labels),le=\"0.0005\"} 2"))
    #expect(lines.contains("\(name)_bucket{\(labels),le=\"0.001\"} 3"))
    #expect(lines.contains("\(name)_bucket{\(labels),le=\"10.0\"} 3"))
    #expect(lines.contains("\(name)_bucket{\(labels),le=\"30.0\"} 4"))
    #expect(lines.contains("\(name)_bucket{\(labels),le=\"+Inf\"} 5"))
    #expect(lines.contains("\(name)_count{\(labels)} 5"))
    #expect(lines.contains { $0.hasPrefix("\(name)_sum{\(labels)} 61.001") })
  }

  @Test func methodsOfAClientsOwnMakeOneSeries() async throws {
    let lines = try await lines { metrics in
      for number in 0..<50 {
        metrics.recordRequest(
          method: .other("M\(number)\"}"), path: .unmatched, status: 404, seconds: 0)
      }
    }
    let series = lines.filter { $0.hasPrefix("xgen_http_requests_total{") }
    #expect(
      series == ["xgen_http_requests_total{method=\"OTHER\",path=\"unmatched\",status=\"404\"} 50"])
  }

  @Test func labelValuesAreEscaped() {
    var out = MetricsText()
    out.begin("a", "gauge", "A.")
    out.sample(1, [("b", "x\\y\"z\n")])
    #expect(out.text.hasSuffix("a{b=\"x\\\\y\\\"z\\n\"} 1\n"))
  }
}
