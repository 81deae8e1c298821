/// One line of the audit log: who did what to which sandbox, and what came of it.
///
/// ```
/// {"time":"2024-01-15T12:00:00.250Z","request_id":"…","subject":"ci","role":"user",
///  "action":"sandbox.exec","sandbox":"k3…","status":200,"peer":"127.0.0.1","duration_ms":12}
/// ```
///
/// What is not known (the subject of a call without credentials) is null; `duration_ms` and
/// `bytes` are absent. No secret and no argument of a command has a member to stand in.
struct AuditRecord: Sendable, Equatable {
  /// Unix time in milliseconds.
  var timeMs: Int64
  let requestID: String
  /// The API key's name.
  let subject: String?
  let role: Role?
  var action: AuditAction
  let sandbox: String?
  /// The answer's status; of `ws.close` the close code (RFC 6455 §7.4).
  var status: Int
  let peer: String?
  /// From the request's head to its answer; of `ws.close` as long as it was open.
  var durationMs: UInt64?
  /// Of `file.write`: the file's, where the request told them. Of `ws.close`: passed on, both ways
  /// together.
  var bytes: UInt64?
}

// MARK: Writing

extension AuditRecord {
  /// The record as JSON with a newline behind it; there is none inside.
  var line: [UInt8] {
    var writer = JSONWriter(reserving: 320)
    write(to: &writer)
    writer.endLine()
    return writer.bytes
  }

  func write(to writer: inout JSONWriter) {
    writer.beginObject()
    writer.key("time")
    writer.string("\(Timestamp(unixMilliseconds: timeMs))")
    writer.key("request_id")
    writer.string(requestID)
    writer.key("subject")
    writer.string(orNull: subject)
    writer.key("role")
    writer.string(orNull: role?.rawValue)
    writer.key("action")
    writer.string(action.rawValue)
    writer.key("sandbox")
    writer.string(orNull: sandbox)
    writer.key("status")
    writer.int(status)
    writer.key("peer")
    writer.string(orNull: peer)
    if let durationMs {
      writer.key("duration_ms")
      writer.int(durationMs)
    }
    if let bytes {
      writer.key("bytes")
      writer.int(bytes)
    }
    writer.endObject()
  }
}

// MARK: Reading

extension AuditRecord {
  private static let limits = JSONLimits(maxDepth: 4, maxElements: 64)

  /// Nil for what is no whole record: a line that a crash has torn, or one of another program.
  init?(line: [UInt8]) {
    guard let value = try? JSONParser.parse(line, limits: Self.limits),
      let fields = try? JSONFields(value), let record = try? Self.read(fields)
    else { return nil }
    self = record
  }

  private static func read(_ fields: JSONFields) throws(FieldError) -> AuditRecord? {
    guard let time = Timestamp(try fields.requiredString("time")),
      let action = AuditAction(rawValue: try fields.requiredString("action")),
      let status = try fields.int("status")
    else { return nil }
    let role = try fields.string("role")
    if let role, Role(rawValue: role) == nil { return nil }
    return AuditRecord(
      timeMs: time.unixSeconds * 1000 + Int64(time.milliseconds ?? 0),
      requestID: try fields.requiredString("request_id"), subject: try fields.string("subject"),
      role: role.flatMap(Role.init(rawValue:)), action: action,
      sandbox: try fields.string("sandbox"), status: status, peer: try fields.string("peer"),
      durationMs: try count(fields, "duration_ms"), bytes: try count(fields, "bytes"))
  }

  private static func count(_ fields: JSONFields, _ name: String) throws(FieldError) -> UInt64? {
    guard let number = try fields.int(name) else { return nil }
    guard let count = UInt64(exactly: number) else {
      throw fields.error(name, "must not be negative")
    }
    return count
  }
}
