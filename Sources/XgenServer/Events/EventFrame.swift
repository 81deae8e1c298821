/// What clients of the event feed are sent.
enum EventFrame {
  /// Sets the last event id of a client that has seen no event yet; it dispatches nothing.
  static func position(_ id: EventID) -> [UInt8] { Array("id: \(id)\n\n".utf8) }

  /// What the client had seen last is not here any more: it must list the sandboxes anew.
  static func reset(_ id: EventID, reason: String) -> [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    writer.key("id")
    writer.string("\(id)")
    writer.key("type")
    writer.string("reset")
    writer.key("reason")
    writer.string(reason)
    writer.endObject()
    return ServerSentEvent("reset", data: writer.bytes, id: "\(id)").bytes
  }

  static func change(_ id: EventID, _ change: SandboxChange) -> [UInt8] {
    let type = "sandbox.\(name(change.status))"
    var writer = JSONWriter()
    writer.beginObject()
    writer.key("id")
    writer.string("\(id)")
    writer.key("type")
    writer.string(type)
    writer.key("sandbox")
    writer.string(change.id)
    writer.key("owner")
    writer.string(change.owner)
    writer.key("status")
    writer.string(change.status.rawValue)
    write(change.cause, to: &writer)
    writer.key("at")
    writer.string("\(Timestamp(unixMilliseconds: change.atMs))")
    writer.endObject()
    return ServerSentEvent(type, data: writer.bytes, id: "\(id)").bytes
  }

  /// `error` alone would be an EventSource's own event; a sandbox begins as `created`.
  private static func name(_ status: SandboxStatus) -> String {
    status == .starting ? "created" : status.rawValue
  }

  private static func write(_ cause: SandboxCause, to writer: inout JSONWriter) {
    writer.key("reason")
    let reason = cause.reason.utf8.prefix(EventLimits.maxReasonBytes)
    writer.string(String(decoding: reason, as: UTF8.self))
    guard let origin = cause.origin else { return }
    writer.key("by")
    writer.string(origin.subject)
    writer.key("request_id")
    writer.string(origin.requestID)
  }
}
