/// `PUT /api/v1/sandboxes/{id}/files?path=`: streams the body into a file, which takes its place
/// when it is whole. 201 for a new one, 204 for one that was replaced.
@LoopActor
func sandboxFilePut(_ server: Server, _ request: APIRequest) async throws(APIError) -> APIResponse {
  let sandbox = try server.catalog.findLasting(request.sandboxID, for: request.caller)
  let order = try request.fileOrder()
  try order.requireFile()
  let mode = try order.mode()
  try request.refusePartialBody()
  try await server.catalog.waitUntilReady(sandbox)
  return try await server.sidecars.upload(order, mode: mode, to: sandbox, for: request)
}
