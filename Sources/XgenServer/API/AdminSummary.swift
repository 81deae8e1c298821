/// `GET /api/v1/admin/summary`: what this server is and carries, in one look.
@LoopActor
func adminSummary(_ server: Server, _ request: APIRequest) throws(APIError) -> APIResponse {
  let summary = ServerSummary(server)
  var writer = JSONWriter()
  summary.write(to: &writer)
  return .json(200, writer.bytes)
}

/// The numbers behind the summary, counted when it is asked for.
@LoopActor
private struct ServerSummary {
  /// Owners with the most sandboxes; the others are only counted.
  private static let maxOwners = 100

  private let server: Server
  private let census: SandboxCensus

  init(_ server: Server) {
    self.server = server
    census = server.catalog.census()
  }

  func write(to writer: inout JSONWriter) {
    writer.beginObject()
    writer.key("version")
    writer.string(Settings.version)
    writer.key("started_at")
    writer.string("\(Timestamp(unixSeconds: server.startedAtMs / 1000))")
    writer.key("uptime_seconds")
    writer.int(max(0, server.clock.nowMs() - server.startedAtMs) / 1000)
    writer.key("backend")
    writer.string(server.catalog.backendName)
    writer.key("sandboxes")
    writeSandboxes(to: &writer)
    writer.key("websockets")
    writer.int(census.webSockets)
    writer.key("events_streams")
    writer.int(server.events.streamCount)
    writer.key("capacity")
    writer.beginObject()
    writer.key("max_sandboxes")
    writer.int(server.settings.maxSandboxes)
    writer.endObject()
    writer.key("audit")
    writer.beginObject()
    writer.key("path")
    writer.string(orNull: server.audit?.path)
    writer.key("dropped")
    writer.int(server.audit?.droppedCount ?? 0)
    writer.endObject()
    writer.endObject()
  }

  private func writeSandboxes(to writer: inout JSONWriter) {
    let owners = census.byOwner.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
    writer.beginObject()
    writer.key("total")
    writer.int(census.total)
    Self.write(
      "by_status", census.count(by: \.status.rawValue).sorted { $0.key < $1.key }, to: &writer)
    Self.write("by_template", census.count(by: \.template).sorted { $0.key < $1.key }, to: &writer)
    Self.write("by_owner", Array(owners.prefix(Self.maxOwners)), to: &writer)
    writer.key("owners_left_out")
    writer.int(max(0, owners.count - Self.maxOwners))
    writer.endObject()
  }

  private static func write(
    _ name: String, _ counts: [(key: String, value: Int)], to writer: inout JSONWriter
  ) {
    writer.key(name)
    writer.beginObject()
    for (key, count) in counts {
      writer.key(key)
      writer.int(count)
    }
    writer.endObject()
  }
}
