/// `GET /api/v1/sandboxes/{id}`.
@LoopActor
func sandboxGet(_ server: Server, _ request: APIRequest) throws(APIError) -> APIResponse {
  let sandbox = try server.catalog.find(request.sandboxID, for: request.caller)
  return .json(200, sandbox.json(server.addresses))
}
