internal import Reactor

/// `GET /api/v1/sandboxes`: a bare array, newest first; a role below admin sees its own. With a
/// limit, a Link header leads to the next page.
@LoopActor
func sandboxList(_ server: Server, _ request: APIRequest) async throws(APIError) -> APIResponse {
  let query: SandboxListQuery
  do throws(FieldError) { query = try SandboxListQuery(request.query) } catch {
    throw .invalidParameter(error)
  }
  var found = server.catalog.list(for: request.caller).map(\.view).filter(query.matches)
  var fields: [HTTPField] = []
  if let limit = query.limit, found.count > limit {
    found.removeLast(found.count - limit)
    let url =
      "\(server.addresses.externalURL)/api/v1/sandboxes?\(query.next(after: found[limit - 1].record))"
    fields = [HTTPField("Link", "<\(url)>; rel=\"next\"")].compactMap { $0 }
  }
  if found.count <= Limits.maxListRenderedOnLoop {
    return .json(200, listBody(found, server.addresses), fields)
  }
  let body: [UInt8]
  let addresses = server.addresses
  do throws(WorkerPool.Full) {
    body = try await server.workers.run { [found] in listBody(found, addresses) }
  } catch {
    throw .capacityExhausted("the server has too much to do at once")
  }
  return await request.paced(.json(200, body, fields))
}

private func listBody(_ sandboxes: [SandboxView], _ addresses: PublicAddresses) -> [UInt8] {
  var writer = JSONWriter()
  writer.beginArray()
  for sandbox in sandboxes { writer.sandbox(sandbox, addresses) }
  writer.endArray()
  return writer.bytes
}
