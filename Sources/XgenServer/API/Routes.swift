internal import Reactor

/// The index of the API: one line per endpoint, one file per endpoint beside this one, and what
/// the document says of it in `OpenAPI/Operations.swift`.
extension Router {
  static let api = Router(routes: [
    Route(.get, "/healthz", .open, isRateLimited: false, .healthz, synchronous: healthz),
    Route(.get, "/metrics", .open, isRateLimited: false, .metrics, metrics),
    Route(.get, "/openapi.json", .open, .openAPI, synchronous: openAPI),
    Route(.get, "/docs", .open, .docs, synchronous: docs),
    Route(.post, "/api/v1/auth/token", .open, .authToken, authToken),
    Route(
      .post, "/api/v1/sandboxes", .permission(.sandboxCreate), .sandboxCreate, sandboxCreate),
    Route(
      .get, "/api/v1/sandboxes", .permission(.sandboxRead), .sandboxList, synchronous: sandboxList),
    Route(
      .get, "/api/v1/sandboxes/{id}", .permission(.sandboxRead), .sandboxGet,
      synchronous: sandboxGet),
    Route(
      .delete, "/api/v1/sandboxes/{id}", .permission(.sandboxDelete), .sandboxDelete,
      sandboxDelete),
    Route(
      .post, "/api/v1/sandboxes/{id}/keepalive", .permission(.sandboxWrite), .sandboxKeepalive,
      sandboxKeepalive),
    Route(
      .post, "/api/v1/sandboxes/{id}/exec", .permission(.sandboxExec), .sandboxExec, sandboxExec),
    Route(
      .get, "/api/v1/sandboxes/{id}/ws", .webSocket(.sandboxExec), .sandboxWebSocket,
      sandboxWebSocket),
    Route(
      .get, "/api/v1/sandboxes/{id}/files", .permission(.sandboxFiles), .fileGet, sandboxFileGet),
    Route(
      .put, "/api/v1/sandboxes/{id}/files", .permission(.sandboxFiles), .filePut, sandboxFilePut),
    Route(
      .delete, "/api/v1/sandboxes/{id}/files", .permission(.sandboxFiles), .fileDelete,
      sandboxFileDelete),
    Route(
      .get, "/api/v1/sandboxes/{id}/files/list", .permission(.sandboxFiles), .fileList,
      sandboxFileList),
    Route(
      .get, "/api/v1/sandboxes/{id}/services", .permission(.sandboxRead), .sandboxServices,
      sandboxServices),
    Route(
      .post, "/api/v1/sandboxes/{id}/previews/{port}/links", .permission(.sandboxWrite),
      .previewLinkCreate, previewLinkCreate),
    Route(
      .delete, "/api/v1/sandboxes/{id}/previews/links", .permission(.sandboxWrite),
      .previewLinksDelete, previewLinksDelete),
    Route(.get, "/api/v1/events", .permission(.sandboxRead), .events, synchronous: events),
    Route(
      .get, "/api/v1/admin/audit-logs", .permission(.adminRead), .adminAuditLogs, adminAuditLogs),
    Route(
      .get, "/api/v1/admin/summary", .permission(.adminRead), .adminSummary,
      synchronous: adminSummary),
  ])
}
