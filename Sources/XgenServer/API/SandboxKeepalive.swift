/// `POST /api/v1/sandboxes/{id}/keepalive`: the expiry moves by the default timeout, at most to
/// now + the maximum, never back; persisted before the 204.
@LoopActor
func sandboxKeepalive(
  _ server: Server, _ request: APIRequest
) async throws(APIError) -> APIResponse {
  let sandbox = try server.catalog.findLasting(request.sandboxID, for: request.caller)
  try await server.catalog.keepAlive(
    sandbox, byMs: Int64(server.settings.defaultTimeoutSeconds) * 1000,
    atMostMs: Int64(server.settings.maxTimeoutSeconds) * 1000)
  return .empty(204)
}
