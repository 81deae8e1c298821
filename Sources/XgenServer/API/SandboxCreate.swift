internal import Reactor

/// `POST /api/v1/sandboxes`: 201 with the sandbox, which will survive kill -9 of the server.
@LoopActor
func sandboxCreate(_ server: Server, _ request: APIRequest) async throws(APIError) -> APIResponse {
  let fields = try await request.jsonBody()
  let order: SandboxOrder
  do throws(FieldError) {
    order = try SandboxOrder(
      fields, defaultTimeoutSeconds: server.settings.defaultTimeoutSeconds,
      maxTimeoutSeconds: server.settings.maxTimeoutSeconds)
  } catch {
    throw .invalidParameter(error)
  }
  let sandbox = try await server.catalog.create(
    order, owner: request.caller.name, origin: request.origin)
  request.context.sandboxID = sandbox.record.id
  var writer = JSONWriter()
  writer.sandbox(sandbox, server.addresses)
  return .json(201, writer.bytes, notEnforced(server.catalog.notEnforced))
}

/// Every sandbox has every limit, asked for or by default; what this host can't hold it to is said.
private func notEnforced(_ names: Set<ResourceName>) -> [HTTPField] {
  names.isEmpty ? [] : [HTTPField("X-Xgen-Not-Enforced", names.list)].compactMap { $0 }
}
