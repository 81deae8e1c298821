/// `GET /metrics`: the Prometheus text format, version 0.0.4.
@LoopActor
func metrics(_ server: Server, _ request: APIRequest) async throws(APIError) -> APIResponse {
  let text = server.metrics.render(activeSandboxes: server.catalog.activeCount)
  return .text(200, text, contentType: "text/plain; version=0.0.4; charset=utf-8")
}
