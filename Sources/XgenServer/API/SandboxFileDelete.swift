/// `DELETE /api/v1/sandboxes/{id}/files?path=`: removes a file or an empty folder; with
/// `recursive=true` a folder and all that is in it.
@LoopActor
func sandboxFileDelete(
  _ server: Server, _ request: APIRequest
) async throws(APIError) -> APIResponse {
  let sandbox = try server.catalog.findLasting(request.sandboxID, for: request.caller)
  let order = try request.fileOrder()
  try order.requireFile()
  let isRecursive = try order.isRecursive()
  try await server.catalog.waitUntilReady(sandbox)
  try await server.sidecars.removeFile(order, isRecursive: isRecursive, in: sandbox)
  return .empty(204)
}
