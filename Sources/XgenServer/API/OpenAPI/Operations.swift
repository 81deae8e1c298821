// What the document says of each route; `Routes.swift` names one of these per line.

extension Operation {
  static let healthz = Operation(
    id: "getHealth", tag: .server, summary: "Whether the server answers",
    answers: [.text(200, "It does.", "text/plain; charset=utf-8")])

  static let metrics = Operation(
    id: "getMetrics", tag: .server, summary: "Metrics in the Prometheus text format",
    answers: [.text(200, "One family after the other.", "\(MetricsText.contentType)")])

  static let openAPI = Operation(
    id: "getOpenAPI", tag: .server, summary: "This document",
    answers: [.json(200, "OpenAPI 3.1.", ["type": "object"])])

  static let docs = Operation(
    id: "getDocs", tag: .server, summary: "This document as a page for people",
    answers: [.text(200, "HTML without scripts.", "text/html; charset=utf-8")])

  static let authToken = Operation(
    id: "createToken", tag: .authentication,
    summary: "Exchange an API key for a token of 15 minutes",
    body: Body(
      contentType: "application/json", schema: Schemas.reference("TokenOrder"),
      example: ["api_key": "xgen_dev_key"]),
    answers: [.json(200, "The token.", Schemas.reference("Token"))],
    refusals: [.unauthorized])
}

// MARK: Sandboxes

extension Operation {
  static let sandboxCreate = Operation(
    id: "createSandbox", tag: .sandboxes, summary: "Create a sandbox",
    description: "Waits up to 250 ms for `running` and answers the state it then has.",
    parameters: [
      .header(
        "Idempotency-Key",
        "The same key and body within 24 hours answer the same sandbox.",
        ["type": "string", "pattern": "^[!-~]{1,255}$"])
    ],
    body: Body(
      contentType: "application/json", schema: Schemas.reference("SandboxOrder"),
      example: ["template": "python", "timeout_seconds": 600]),
    answers: [
      .json(201, "The sandbox.", Schemas.reference("Sandbox"), [.notEnforced])
    ],
    refusals: [.idempotencyMismatch, .expired, .createFailed, .capacity, .shuttingDown])

  static let sandboxList = Operation(
    id: "listSandboxes", tag: .sandboxes, summary: "List sandboxes, newest first",
    description: "Of one's own key; an admin sees all. `metadata.KEY=VALUE` filters by metadata.",
    parameters: [
      .query(
        "limit", "Sandboxes of a page; without it all are answered.",
        ["type": "integer", "minimum": 1, "maximum": .int(Int64(Limits.maxPageCount))]),
      .query(
        "cursor", "From the Link header of the page before.",
        ["type": "string", "pattern": .string(SandboxListQuery.Cursor.pattern)]),
      .query("status", "Only in this state.", Schemas.status),
      .query(
        "template", "Only of this template.",
        ["enum": .array(SandboxOrder.templates.map { .string($0) })]),
    ],
    answers: [.json(200, "The sandboxes.", Schemas.list(of: "Sandbox"), [.next])])

  static let sandboxGet = Operation(
    id: "getSandbox", tag: .sandboxes, summary: "Get a sandbox", parameters: [.sandboxID],
    answers: [.json(200, "The sandbox.", Schemas.reference("Sandbox"))],
    refusals: Refusal.sandbox)

  static let sandboxDelete = Operation(
    id: "deleteSandbox", tag: .sandboxes, summary: "Delete a sandbox and all that it holds",
    description: "Repeated within 5 minutes it is 204 again.", parameters: [.sandboxID],
    answers: [.empty(204, "Nothing of it is left.")],
    refusals: Refusal.sandbox + [.createFailed])

  static let sandboxKeepalive = Operation(
    id: "keepSandboxAlive", tag: .sandboxes, summary: "Move the expiry by the default timeout",
    description: "At most to now + the maximum timeout; it never moves back.",
    parameters: [.sandboxID], answers: [.empty(204, "The new expiry is kept.")],
    refusals: Refusal.sandbox + [.unreachable, .createFailed])

  static let sandboxServices = Operation(
    id: "listServices", tag: .sandboxes, summary: "Ports that are open in the sandbox now",
    parameters: [.sandboxID],
    answers: [.json(200, "Ascending by port.", Schemas.list(of: "Service"))],
    refusals: Refusal.running)
}

// MARK: Previews

extension Operation {
  static let previewLinkCreate = Operation(
    id: "createPreviewLink", tag: .sandboxes, summary: "Make a link to a private preview",
    description: """
      Whoever opens it sees this port of this sandbox until it expires, without a key. The body \
      may be absent.
      """,
    parameters: [
      .sandboxID,
      Parameter(
        name: "port", place: .path, description: "The port inside.", isRequired: true,
        schema: ["type": "integer", "minimum": 1, "maximum": 65535]),
    ],
    body: Body(
      contentType: "application/json", schema: Schemas.reference("PreviewLinkOrder"),
      isRequired: false, example: ["expires_in_seconds": 3600]),
    answers: [.json(201, "The link.", Schemas.reference("PreviewLink"))],
    refusals: Refusal.sandbox)

  static let previewLinksDelete = Operation(
    id: "revokePreviewLinks", tag: .sandboxes,
    summary: "Revoke all links to a sandbox's previews", parameters: [.sandboxID],
    answers: [.empty(204, "None of them opens anything any more.")],
    refusals: Refusal.sandbox + [.unreachable, .createFailed])
}

// MARK: Commands

extension Operation {
  static let sandboxExec = Operation(
    id: "execCommand", tag: .commands, summary: "Run a command and wait for its end",
    description: """
      No shell is involved. A command that can't be started is 127 or 126 with the reason on \
      stderr. With `Accept: text/event-stream` its output is streamed: events `stdout` and \
      `stderr` (data: `{"data": …}`), last `exit` (data: `{"exit_code": …}`). The client's \
      disconnect kills the command.
      """,
    parameters: [.sandboxID],
    body: Body(
      contentType: "application/json", schema: Schemas.reference("ExecOrder"),
      example: ["command": "python3", "args": ["-c", "print(6*7)"]]),
    answers: [
      Answer(
        status: 200, description: "The command has ended.",
        content: [
          ("application/json", Schemas.reference("ExecResult")),
          ("text/event-stream", Schemas.text),
        ])
    ],
    refusals: Refusal.running + [.quota, .capacity, .execTimeout])

  static let sandboxWebSocket = Operation(
    id: "openWebSocket", tag: .commands,
    summary: "Open the multiplexed WebSocket: streams, terminals, files, events",
    description: """
      The request is a WebSocket's opening (RFC 6455); any other is 426. Browsers may send the \
      token as `?token=` or as the subprotocol pair `xgen.v1`, `bearer.<token>`.
      """,
    parameters: [.sandboxID],
    answers: [.empty(101, "The WebSocket is open.")],
    refusals: Refusal.running + [.quota, .upgradeRequired])
}

extension Operation.Answer {
  static func text(_ status: Int, _ description: String, _ type: String) -> Self {
    .init(status: status, description: description, content: [(type, Schemas.text)])
  }
}

extension Operation.Header {
  static let requestID = Self(name: "X-Request-Id", description: "Names the request in the logs.")
  static let notEnforced = Self(
    name: "X-Xgen-Not-Enforced", description: "Resources that this host can't enforce.")
  static let next = Self(name: "Link", description: "The next page, with `rel=\"next\"`.")
  static let retryAfter = Self(
    name: "Retry-After", description: "Seconds.", schema: ["type": "integer", "minimum": 0])
  static let authenticate = Self(
    name: "WWW-Authenticate", description: "The schemes that are taken.")
}
