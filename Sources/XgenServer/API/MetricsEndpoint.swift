internal import Reactor

/// `GET /metrics`: the Prometheus text format, version 0.0.4.
@LoopActor
func metrics(_ server: Server, _ request: APIRequest) async throws(APIError) -> APIResponse {
  var now = MetricsNow(
    census: server.catalog.census(), workerQueueDepth: server.workers.outstanding,
    previewConnections: server.previews.connectionCount)
  now.process = (try? await server.workers.run { ProcessMetrics.read() }) ?? nil
  return .text(200, server.metrics.page(now), contentType: MetricsText.contentType)
}
