internal import Reactor

/// `POST /api/v1/sandboxes/{id}/previews/{port}/links`: a signed link to one preview, which ends by
/// itself, with its sandbox, or by revocation.
@LoopActor
func previewLinkCreate(
  _ server: Server, _ request: APIRequest
) async throws(APIError) -> APIResponse {
  guard let port = request.previewPort else {
    throw .invalidParameter(FieldError(field: "port", expectation: "must be from 1 to 65535"))
  }
  let sandbox = try server.catalog.findLasting(request.sandboxID, for: request.caller)
  let body = try await request.body()
  let lifetime = try lifetimeSeconds(request, body)
  let record = sandbox.record
  let expiresAt = server.clock.nowMs() / 1000 + Int64(lifetime)
  let token = server.previewSigner.link(
    to: PreviewHost(id: record.id, port: port), epoch: record.previews.linkEpoch,
    expiresAt: expiresAt)
  var writer = JSONWriter()
  writer.beginObject()
  writer.key("url")
  writer.string("\(server.addresses.preview(record.id, port))/?\(PreviewQuery.name)=\(token)")
  writer.key("expires_at")
  writer.string("\(Timestamp(unixSeconds: expiresAt))")
  writer.endObject()
  return .json(201, writer.bytes)
}

@LoopActor
private func lifetimeSeconds(_ request: APIRequest, _ body: [UInt8]) throws(APIError) -> Int {
  if body.isEmpty { return Limits.defaultPreviewLinkSeconds }
  let fields = try request.json(body)
  do throws(FieldError) {
    let wanted = try fields.int("expires_in_seconds") ?? 0
    return wanted <= 0
      ? Limits.defaultPreviewLinkSeconds : min(wanted, Limits.maxPreviewLinkSeconds)
  } catch {
    throw .invalidParameter(error)
  }
}

extension APIRequest {
  /// Decimal, as in a preview's name.
  fileprivate var previewPort: UInt16? {
    guard let text = parameters["port"], let port = UInt16(text), port > 0, "\(port)" == text
    else { return nil }
    return port
  }
}
