internal import Reactor

/// The index of the API: one line per endpoint, one file per endpoint beside this one.
extension Router {
  static let api = Router(routes: [
    Route(.get, "/healthz", .open, isRateLimited: false, healthz),
    Route(.get, "/metrics", .open, isRateLimited: false, metrics),
    Route(.post, "/api/v1/auth/token", .open, authToken),
    Route(.post, "/api/v1/sandboxes", .permission(.sandboxCreate), sandboxCreate),
    Route(.get, "/api/v1/sandboxes", .permission(.sandboxRead), sandboxList),
    Route(.get, "/api/v1/sandboxes/{id}", .permission(.sandboxRead), sandboxGet),
    Route(.delete, "/api/v1/sandboxes/{id}", .permission(.sandboxDelete), sandboxDelete),
    Route(
      .post, "/api/v1/sandboxes/{id}/keepalive", .permission(.sandboxWrite), sandboxKeepalive),
    Route(.post, "/api/v1/sandboxes/{id}/exec", .permission(.sandboxExec), sandboxExec),
    Route(.get, "/api/v1/sandboxes/{id}/ws", .webSocket(.sandboxExec), sandboxWebSocket),
    Route(.get, "/api/v1/sandboxes/{id}/services", .permission(.sandboxRead), sandboxServices),
    Route(.get, "/api/v1/events", .permission(.sandboxRead), events),
    Route(.get, "/api/v1/admin/audit-logs", .permission(.adminRead), adminAuditLogs),
    Route(.get, "/api/v1/admin/summary", .permission(.adminRead), adminSummary),
  ])
}
