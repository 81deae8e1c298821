/// `GET /api/v1/sandboxes/{id}`.
@LoopActor
func sandboxGet(_ server: Server, _ request: APIRequest) throws(APIError) -> APIResponse {
  let sandbox = try server.catalog.find(request.sandboxID, for: request.caller)
  guard let password = server.desktopPassword(of: sandbox.record, for: request.caller) else {
    return .json(200, sandbox.json(server.addresses))
  }
  var writer = JSONWriter()
  writer.sandbox(sandbox.view, server.addresses, desktopPassword: password)
  return .json(200, writer.bytes)
}
