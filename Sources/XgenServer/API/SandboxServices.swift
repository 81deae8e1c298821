/// `GET /api/v1/sandboxes/{id}/services`: ports that are open now, as the sidecar tells.
@LoopActor
func sandboxServices(
  _ server: Server, _ request: APIRequest
) async throws(APIError) -> APIResponse {
  let sandbox = try server.catalog.findLasting(request.sandboxID, for: request.caller)
  try await server.catalog.waitUntilReady(sandbox)
  let ports = try await server.sidecars.openPorts(sandbox)
  var writer = JSONWriter()
  writer.beginArray()
  for port in ports {
    writer.beginObject()
    writer.key("port")
    writer.int(port)
    writer.key("preview_url")
    writer.string(server.addresses.preview(sandbox.record.id, port))
    writer.endObject()
  }
  writer.endArray()
  return .json(200, writer.bytes)
}
