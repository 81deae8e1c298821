/// `GET /api/v1/sandboxes/{id}/files?path=`: streams a file, or the range of it that is asked for.
@LoopActor
func sandboxFileGet(_ server: Server, _ request: APIRequest) async throws(APIError) -> APIResponse {
  let sandbox = try server.catalog.findLasting(request.sandboxID, for: request.caller)
  let order = try request.fileOrder()
  try order.requireFile()
  try await server.catalog.waitUntilReady(sandbox)
  return try await server.sidecars.download(order, from: sandbox, for: request)
}
