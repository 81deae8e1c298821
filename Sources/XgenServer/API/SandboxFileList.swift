internal import Reactor

/// `GET /api/v1/sandboxes/{id}/files/list?path=`: what a folder holds, by name, as a bare array.
/// `X-Xgen-Truncated: true` says that there is more than is listed.
@LoopActor
func sandboxFileList(
  _ server: Server, _ request: APIRequest
) async throws(APIError) -> APIResponse {
  let sandbox = try server.catalog.findLasting(request.sandboxID, for: request.caller)
  let order = try request.fileOrder()
  try await server.catalog.waitUntilReady(sandbox)
  let listing = try await server.sidecars.listFiles(order, in: sandbox)
  var writer = JSONWriter()
  writer.beginArray()
  for entry in listing.entries { writer.fileEntry(entry) }
  writer.endArray()
  let cut = listing.isCut ? [HTTPField(fixed: "X-Xgen-Truncated", "true")] : []
  return .json(200, writer.bytes, FileFields.inert + cut)
}
