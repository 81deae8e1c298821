internal import Reactor

/// `POST /api/v1/sandboxes`: 201 with the sandbox, which will survive kill -9 of the server. With
/// an Idempotency-Key it is made once, and answered again as it was first.
@LoopActor
func sandboxCreate(_ server: Server, _ request: APIRequest) async throws(APIError) -> APIResponse {
  let body = try await request.body()
  let fields = try request.json(body)
  let order: SandboxOrder
  let key: String?
  do throws(FieldError) {
    key = try IdempotencyKey.text(in: request.exchange.head)
    order = try SandboxOrder(
      fields, defaultTimeoutSeconds: server.settings.defaultTimeoutSeconds,
      maxTimeoutSeconds: server.settings.maxTimeoutSeconds,
      defaultAccess: server.settings.previewAccess, network: server.catalog.network)
  } catch {
    throw .invalidParameter(error)
  }
  let tenant = server.tokens.keys.tenant(of: request.caller)
  let view: SandboxView
  if let key {
    view = try await server.catalog.create(
      order, for: tenant, once: IdempotentRequest(owner: tenant.name, text: key, body: body),
      secret: server.idempotencySecret, origin: request.origin)
  } else {
    view = try await server.catalog.create(order, for: tenant, origin: request.origin)
  }
  request.context.sandboxID = view.record.id
  var writer = JSONWriter()
  writer.sandbox(
    view, server.addresses,
    desktopPassword: server.desktopPassword(of: view.record, for: request.caller))
  return .json(201, writer.bytes, notEnforced(server.catalog.notEnforced))
}

/// Every sandbox has every limit, asked for or by default; what this host can't hold it to is said.
private func notEnforced(_ names: Set<ResourceName>) -> [HTTPField] {
  names.isEmpty ? [] : [HTTPField("X-Xgen-Not-Enforced", names.list)].compactMap { $0 }
}
