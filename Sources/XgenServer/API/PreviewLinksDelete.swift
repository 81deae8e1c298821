/// `DELETE /api/v1/sandboxes/{id}/previews/links`: no link made so far, and no cookie from one,
/// opens a preview any more; persisted before the 204.
@LoopActor
func previewLinksDelete(
  _ server: Server, _ request: APIRequest
) async throws(APIError) -> APIResponse {
  let sandbox = try server.catalog.findLasting(request.sandboxID, for: request.caller)
  try await server.catalog.revokePreviewLinks(sandbox)
  return .empty(204)
}
