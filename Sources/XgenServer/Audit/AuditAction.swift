internal import Reactor

/// What a call does, as the audit log names it. Raw values are the log's.
enum AuditAction: String, CaseIterable, Sendable {
  case tokenIssue = "token.issue"
  case sandboxCreate = "sandbox.create"
  case sandboxDelete = "sandbox.delete"
  case sandboxKeepalive = "sandbox.keepalive"
  case sandboxExec = "sandbox.exec"
  case fileWrite = "file.write"
  case fileDelete = "file.delete"
  case previewLink = "preview.link"
  case previewRevoke = "preview.revoke"
  case webSocketOpen = "ws.open"
  case webSocketClose = "ws.close"

  /// The one table: calls that change something, and what opens a door to it. Nil for the others.
  static func of(_ method: HTTPMethod, _ template: String) -> AuditAction? {
    switch (method, template) {
    case (.post, "/api/v1/auth/token"): .tokenIssue
    case (.post, "/api/v1/sandboxes"): .sandboxCreate
    case (.delete, "/api/v1/sandboxes/{id}"): .sandboxDelete
    case (.post, "/api/v1/sandboxes/{id}/keepalive"): .sandboxKeepalive
    case (.post, "/api/v1/sandboxes/{id}/exec"): .sandboxExec
    case (.put, "/api/v1/sandboxes/{id}/files"): .fileWrite
    case (.delete, "/api/v1/sandboxes/{id}/files"): .fileDelete
    case (.post, "/api/v1/sandboxes/{id}/previews/{port}/links"): .previewLink
    case (.delete, "/api/v1/sandboxes/{id}/previews/links"): .previewRevoke
    case (.get, "/api/v1/sandboxes/{id}/ws"): .webSocketOpen
    default: nil
    }
  }
}
