internal import Reactor

/// `GET /api/v1/sandboxes`: a bare array, newest first; a role below admin sees its own. With a
/// limit, a Link header leads to the next page.
@LoopActor
func sandboxList(_ server: Server, _ request: APIRequest) throws(APIError) -> APIResponse {
  let query: SandboxListQuery
  do throws(FieldError) { query = try SandboxListQuery(request.query) } catch {
    throw .invalidParameter(error)
  }
  var found = server.catalog.list(for: request.caller)
  if query.isNarrowing { found = found.filter { query.matches($0.view) } }
  var fields: [HTTPField] = []
  if let limit = query.limit, found.count > limit {
    found.removeLast(found.count - limit)
    let url =
      "\(server.addresses.externalURL)/api/v1/sandboxes?\(query.next(after: found[limit - 1].record))"
    fields = [HTTPField("Link", "<\(url)>; rel=\"next\"")].compactMap { $0 }
  }
  let addresses = server.addresses
  if found.count <= Limits.maxListRenderedOnLoop {
    return .json(200, listBody(found, addresses), fields)
  }
  let views = found.map(\.view)
  return .later { () throws(APIError) in
    let body: [UInt8]
    do throws(WorkerPool.Full) {
      body = try await server.workers.run { listBody(views, addresses) }
    } catch {
      throw .capacityExhausted("the server has too much to do at once")
    }
    return await request.paced(.json(200, body, fields))
  }
}

/// Of what each of them keeps ready.
@LoopActor
private func listBody(_ sandboxes: [Sandbox], _ addresses: PublicAddresses) -> [UInt8] {
  var items: [[UInt8]] = []
  var count = 2
  for sandbox in sandboxes {
    items.append(sandbox.json(addresses))
    count += items[items.count - 1].count + 1
  }
  var bytes: [UInt8] = []
  bytes.reserveCapacity(count)
  bytes.append(UInt8(ascii: "["))
  for item in items {
    if bytes.count > 1 { bytes.append(UInt8(ascii: ",")) }
    bytes.append(contentsOf: item)
  }
  bytes.append(UInt8(ascii: "]"))
  return bytes
}

private func listBody(_ sandboxes: [SandboxView], _ addresses: PublicAddresses) -> [UInt8] {
  var writer = JSONWriter()
  writer.beginArray()
  for sandbox in sandboxes { writer.sandbox(sandbox, addresses) }
  writer.endArray()
  return writer.bytes
}
