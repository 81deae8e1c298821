internal import Reactor

/// `GET /api/v1/sandboxes/{id}/ws`: the multiplexed WebSocket, relayed to the sandbox's sidecar.
///
/// The sidecar is dialled first, so that what is wrong with it is still an HTTP answer.
@LoopActor
func sandboxWebSocket(
  _ server: Server, _ request: APIRequest
) async throws(APIError) -> APIResponse {
  let exchange = request.exchange
  do throws(WebSocketHandshakeError) {
    try exchange.checkWebSocketRequest(origins: server.settings.webSocketOrigins)
  } catch {
    var refusal = APIError.refusal(error.status, error.reason.description)
    refusal.fields = error.fields.map { HTTPField(fixed: $0.name, $0.value) }
    throw refusal
  }
  let sandbox = try server.catalog.findLasting(request.sandboxID, for: request.caller)
  try await server.catalog.waitUntilReady(sandbox)
  try checkRoom(for: sandbox)
  let upstream = try await server.sidecars.openWebSocket(sandbox)
  do throws(APIError) {
    // Much may have happened meanwhile.
    try checkRoom(for: sandbox)
    if !server.still(request.caller, has: .sandboxExec) {
      throw .unauthorized("the API key no longer allows it", .removedKey)
    }
  } catch {
    upstream.stream.close()
    throw error
  }
  let subprotocol = server.authorizer.subprotocol(of: exchange.head)
  guard sandbox.status == .running,
    let client = exchange.acceptWebSocket(
      subprotocol: subprotocol, request.context.fields, forRelay: true)
  else {
    upstream.stream.close()
    throw .sandboxUnreachable("the sandbox ended while the connection was made")
  }
  sandbox.relays.open(
    client, upstream, by: request.context, for: request.caller, of: sandbox, on: server)
  return .takenOver
}

@LoopActor
private func checkRoom(for sandbox: Sandbox) throws(APIError) {
  if sandbox.relays.count < Limits.maxRelaysPerSandbox { return }
  throw .quotaExceeded(
    "the sandbox has \(Limits.maxRelaysPerSandbox) WebSockets already", retryAfterSeconds: 1)
}
