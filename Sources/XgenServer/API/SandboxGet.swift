/// `GET /api/v1/sandboxes/{id}`.
@LoopActor
func sandboxGet(_ server: Server, _ request: APIRequest) async throws(APIError) -> APIResponse {
  let sandbox = try server.catalog.find(request.sandboxID, for: request.caller)
  var writer = JSONWriter()
  writer.sandbox(sandbox.view, server.addresses)
  return .json(200, writer.bytes)
}
