import ServerTestSupport
import Testing

@testable import XgenServer

@Suite struct MetricsTests {
  private func lines(
    _ active: Int = 0, _ body: @escaping @Sendable @LoopActor (Metrics) -> Void
  ) async throws -> [String] {
    try await TestLoop.run {
      let metrics = Metrics()
      body(metrics)
      return metrics.render(activeSandboxes: active).split(separator: "\n").map(String.init)
    }
  }

  @Test func theFiveOfTheReferenceAreThereFromTheStart() async throws {
    let lines = try await lines { _ in }
    let families = [
      ("xgen_http_requests_total", "counter"), ("xgen_http_request_duration_seconds", "histogram"),
      ("xgen_sandboxes_active", "gauge"), ("xgen_sandbox_create_total", "counter"),
      ("xgen_sandbox_delete_total", "counter"),
    ]
    for (name, type) in families {
      #expect(lines.contains("# TYPE \(name) \(type)"))
      #expect(lines.contains { $0.hasPrefix("# HELP \(name) ") })
    }
    #expect(lines.contains("xgen_sandboxes_active 0"))
  }

  @Test func requestsAreCountedByMethodPathAndStatus() async throws {
    let lines = try await lines(3) { metrics in
      metrics.recordRequest(method: "GET", path: "/a/{id}", status: 200, seconds: 0.001)
      metrics.recordRequest(method: "GET", path: "/a/{id}", status: 200, seconds: 0.2)
      metrics.recordRequest(method: "GET", path: "/a/{id}", status: 404, seconds: 40)
      metrics.sandboxesCreated = 5
      metrics.sandboxesDeleted = 2
    }
    let name = "xgen_http_requests_total{method=\"GET\",path=\"/a/{id}\",status="
    #expect(lines.contains("\(name)\"200\"} 2") && lines.contains("\(name)\"404\"} 1"))
    #expect(lines.contains("xgen_sandboxes_active 3"))
    #expect(lines.contains("xgen_sandbox_create_total 5"))
    #expect(lines.contains("xgen_sandbox_delete_total 2"))
  }

  @Test func bucketsAddUp() async throws {
    let lines = try await lines { metrics in
      for seconds in [0, 0.0005, 0.0006, 30, 31] {
        metrics.recordRequest(method: "GET", path: "/", status: 200, seconds: seconds)
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
          method: "M\(number)\"}", path: Metrics.unmatchedPath, status: 404, seconds: 0)
      }
    }
    let series = lines.filter { $0.hasPrefix("xgen_http_requests_total{") }
    #expect(
      series == ["xgen_http_requests_total{method=\"OTHER\",path=\"unmatched\",status=\"404\"} 50"])
  }
}
