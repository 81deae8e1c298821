internal import Reactor

/// `POST /api/v1/sandboxes/{id}/exec`: runs a command and waits for its end, or streams what it
/// writes (`Accept: text/event-stream`).
@LoopActor
func sandboxExec(_ server: Server, _ request: APIRequest) async throws(APIError) -> APIResponse {
  let sandbox = try server.catalog.findLasting(request.sandboxID, for: request.caller)
  let fields = try await request.jsonBody()
  let order: ExecOrder
  do throws(FieldError) { order = try ExecOrder(fields) } catch { throw .invalidParameter(error) }
  try await server.catalog.waitUntilReady(sandbox)
  if Accept.prefersEventStream(request.exchange.head.headers.values("accept")) {
    return try await streamExec(server, request, order, sandbox)
  }
  let capture = ExecCapture(of: server.sidecars)
  defer { capture.release() }
  let end = try await run(server, request, order, sandbox, into: capture)
  let answer = ExecAnswer(order: order, end: end, output: capture.output)
  // Megabytes of escapes would hold up every other request.
  if capture.byteCount <= Limits.maxBytesRenderedOnLoop { return answer.response }
  return await request.paced(try await render(answer, server, capture))
}

/// Renders a large answer on a worker, one at a time. Held until the client has taken it, it counts
/// as the output does: at first as if each byte became an escape.
@LoopActor
private func render(
  _ answer: ExecAnswer, _ server: Server, _ capture: ExecCapture
) async throws(APIError) -> APIResponse {
  await server.renderingTurns.enter()
  defer { server.renderingTurns.leave() }
  let most = capture.byteCount * JSONWriter.maxEscapedBytes
  try capture.charge(most)
  do throws(WorkerPool.Full) {
    let response = try await server.workers.run { answer.response }
    if case .bytes(let body) = response.body { capture.refund(most - min(most, body.count)) }
    return response
  } catch {
    throw .capacityExhausted("the server has too much to do at once")
  }
}

@LoopActor
private func run(
  _ server: Server, _ request: APIRequest, _ order: ExecOrder, _ sandbox: Sandbox,
  into output: any ExecOutput
) async throws(APIError) -> ExecEnd {
  let startedMs = LoopActor.loop.nowMs
  let end = try await server.sidecars.exec(
    order, in: sandbox, for: request.exchange, into: output)
  server.metrics.recordExec(seconds: Double(LoopActor.loop.nowMs - startedMs) / 1000)
  return end
}

@LoopActor
private func streamExec(
  _ server: Server, _ request: APIRequest, _ order: ExecOrder, _ sandbox: Sandbox
) async throws(APIError) -> APIResponse {
  let stream = ExecEventStream(request, order)
  do throws(APIError) {
    stream.end(
      try await run(server, request, order, sandbox, into: stream))
  } catch {
    if !stream.hasBegun { throw error }
    stream.end(error)
  }
  return .takenOver
}
