internal import Reactor

/// `GET /api/v1/admin/audit-logs`: records of the audit log, the newest first.
@LoopActor
func adminAuditLogs(_ server: Server, _ request: APIRequest) async throws(APIError) -> APIResponse {
  let query: AuditQuery
  do throws(FieldError) { query = try AuditQuery(request.query) } catch {
    throw .invalidParameter(error)
  }
  guard let audit = server.audit else { throw AuditLog.notKept }
  let page = try await audit.page(query)
  var writer = JSONWriter()
  writer.beginObject()
  writer.key("records")
  writer.beginArray()
  for record in page.records { record.write(to: &writer) }
  writer.endArray()
  writer.key("next_cursor")
  writer.string(orNull: page.next?.text)
  writer.endObject()
  let base = server.addresses.externalURL
  let fields = [page.next.flatMap { query.link(to: $0, base) }].compactMap { $0 }
  return .json(200, writer.bytes, fields)
}

extension AuditQuery {
  /// Unknown items are ignored.
  init(_ items: HTTPQuery) throws(FieldError) {
    self.init()
    if let text = items["limit"] {
      guard let number = Int(text), 1...AuditLimits.maxPage ~= number else {
        throw FieldError(
          field: "limit", expectation: "must be from 1 to \(AuditLimits.maxPage)")
      }
      limit = number
    }
    if let text = items["cursor"] {
      guard let read = AuditCursor(text) else {
        throw FieldError(field: "cursor", expectation: "must be a next_cursor of this log")
      }
      cursor = read
    }
    sandbox = items["sandbox"]
    subject = items["subject"]
  }

  /// The next page (RFC 8288). `base` is how clients reach this server.
  func link(to next: AuditCursor, _ base: String) -> HTTPField? {
    var target = "\(base)/api/v1/admin/audit-logs?limit=\(limit)&cursor=\(next.text)"
    for (name, value) in [("sandbox", sandbox), ("subject", subject)] {
      if let value { target += "&\(name)=\(PercentEncoding.queryValue(value))" }
    }
    return HTTPField("Link", "<\(target)>; rel=\"next\"")
  }
}
