internal import Reactor

/// `GET /api/v1/events`: what happens to the caller's sandboxes, as `text/event-stream`.
///
/// `Last-Event-ID` (or `?last_event_id=`, for clients that can't set headers) goes on behind that
/// event; where this is not possible any more, `event: reset` comes first.
@LoopActor
func events(_ server: Server, _ request: APIRequest) throws(APIError) -> APIResponse {
  let fields = [
    HTTPField(fixed: "Content-Type", "text/event-stream"),
    HTTPField(fixed: "Cache-Control", "no-store"),
    // Proxies of the nginx kind would keep events back until their buffer is full.
    HTTPField(fixed: "X-Accel-Buffering", "no"),
  ]
  let exchange = request.exchange
  if exchange.head.method == .head {
    request.startResponse(200, fields)
    exchange.end()
    return .takenOver
  }
  try server.events.admit(request.caller)
  if exchange.hasDisconnected { throw .invalidRequest("the client has gone") }
  request.startResponse(200, fields)
  server.events.open(exchange, for: request.caller, after: lastEventID(request))
  return .takenOver
}

/// Nil for none; an empty one is none (WHATWG HTML §9.2.4).
@LoopActor
private func lastEventID(_ request: APIRequest) -> String? {
  let given = request.exchange.head.headers["last-event-id"] ?? request.query["last_event_id"]
  return given.flatMap { $0.isEmpty ? nil : $0 }
}
