/// `DELETE /api/v1/sandboxes/{id}`: 204 when nothing of it is left; again 204 for 5 minutes.
@LoopActor
func sandboxDelete(_ server: Server, _ request: APIRequest) async throws(APIError) -> APIResponse {
  if server.catalog.wasDeleted(request.sandboxID, for: request.caller) { return .empty(204) }
  let sandbox = try server.catalog.find(request.sandboxID, for: request.caller)
  try await server.catalog.end(sandbox, .deleted, origin: request.origin)
  return .empty(204)
}
