/// `GET /api/v1/sandboxes`: a bare array, newest first; a role below admin sees its own.
@LoopActor
func sandboxList(_ server: Server, _ request: APIRequest) async throws(APIError) -> APIResponse {
  var writer = JSONWriter()
  writer.beginArray()
  for sandbox in server.catalog.list(for: request.caller) {
    writer.sandbox(sandbox, server.addresses)
  }
  writer.endArray()
  return .json(200, writer.bytes)
}
