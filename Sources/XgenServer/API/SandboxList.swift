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
  var writer = JSONWriter()
  writer.beginArray()
  for sandbox in found { writer.sandbox(sandbox, server.addresses) }
  writer.endArray()
  return .json(200, writer.bytes, fields)
}
