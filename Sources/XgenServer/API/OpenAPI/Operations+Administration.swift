extension Operation {
  static let events = Operation(
    id: "streamEvents", tag: .sandboxes, summary: "Stream what happens to one's sandboxes",
    description: """
      Events `sandbox.created`, `.running`, `.stopping`, `.stopped` and `.error`, each with an id to \
      go on behind. Where that is not possible any more, `event: reset` comes first: list the \
      sandboxes, then go on. It never ends by itself. Events are those of this server.
      """,
    parameters: [
      .header("Last-Event-ID", "Go on behind this event.", Schemas.text),
      .query(
        "last_event_id", "The same, for clients that can't set headers.", Schemas.queryText),
    ],
    answers: [.text(200, "One event after the other.", "text/event-stream")],
    refusals: [.quota, .capacity, .shuttingDown])

  static let adminAuditLogs = Operation(
    id: "listAuditLogs", tag: .administration, summary: "Read the audit log, newest first",
    description: """
      A page may hold few records or none and still have a cursor: go on until it is null. Records \
      are those of this server.
      """,
    parameters: [
      .query(
        "limit", "Records of a page.",
        ["type": "integer", "minimum": 1, "maximum": .int(Int64(AuditLimits.maxPage))]),
      .query(
        "cursor", "The `next_cursor` of the page before.",
        ["type": "string", "pattern": "^[A-Za-z0-9_-]{21}[AQgw]$"]),
      .query("sandbox", "Only about this sandbox.", Schemas.queryText),
      .query("subject", "Only of the key with this name.", Schemas.queryText),
    ],
    answers: [.json(200, "A page.", Schemas.reference("AuditPage"), [.next])],
    refusals: [.notFound, .capacity])

  static let adminSummary = Operation(
    id: "getSummary", tag: .administration, summary: "What this server is and carries",
    answers: [.json(200, "Counted now.", Schemas.reference("Summary"))])
}

/// Shapes of the administration's answers.
extension Schemas {
  static let administration: [(String, JSONValue)] = [
    ("AuditRecord", auditRecord), ("AuditPage", auditPage), ("Summary", summary),
  ]

  private static let count: JSONValue = ["type": "integer", "minimum": 0]
  private static let counts: JSONValue = ["type": "object", "additionalProperties": count]
  private static let nullableText: JSONValue = ["type": ["string", "null"]]

  private static let auditRecord: JSONValue = [
    "type": "object",
    "required": [
      "time", "request_id", "subject", "role", "action", "sandbox", "status", "peer",
    ],
    "additionalProperties": false,
    "properties": [
      "time": time, "request_id": text, "subject": nullableText, "role": nullableText,
      "action": ["enum": .array(AuditAction.allCases.map { .string($0.rawValue) })],
      "sandbox": nullableText, "status": count, "peer": nullableText, "duration_ms": count,
      "bytes": count,
    ],
  ]

  private static let auditPage: JSONValue = [
    "type": "object",
    "required": ["records", "next_cursor"],
    "additionalProperties": false,
    "properties": ["records": list(of: "AuditRecord"), "next_cursor": nullableText],
  ]

  private static let summary: JSONValue = [
    "type": "object",
    "required": [
      "version", "started_at", "uptime_seconds", "backend", "sandboxes", "websockets",
      "events_streams", "capacity", "audit",
    ],
    "additionalProperties": false,
    "properties": [
      "version": text, "started_at": time, "uptime_seconds": count, "backend": text,
      "sandboxes": [
        "type": "object",
        "required": ["total", "by_status", "by_template", "by_owner", "owners_left_out"],
        "properties": [
          "total": count, "by_status": counts, "by_template": counts, "by_owner": counts,
          "owners_left_out": count,
        ],
      ],
      "websockets": count, "events_streams": count,
      "capacity": [
        "type": "object", "required": ["max_sandboxes"], "properties": ["max_sandboxes": count],
      ],
      "audit": [
        "type": "object",
        "required": ["path", "dropped"],
        "properties": ["path": nullableText, "dropped": count],
      ],
    ],
  ]
}
