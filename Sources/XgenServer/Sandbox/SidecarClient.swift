internal import Reactor
internal import XgenProtocol

/// What the server asks of a sandbox's sidecar. The sidecar shares its sandbox with hostile code:
/// every answer is bounded and checked here.
@LoopActor
final class SidecarClient {
  private let backend: any SandboxBackend
  let timeouts: SidecarTimeouts
  /// Connections by sandbox.
  private let pool: HTTPClientPool<String>
  private let links: ExecLinks
  /// Told that a sidecar does not speak as one must: it is broken, or no longer ours.
  var onFault: ((Sandbox, _ reason: String) -> Void)?
  /// Bytes of output that execs hold now, all together.
  var capturedBytes = 0
  /// Files that are streamed now, of all sandboxes.
  var fileTransfers = 0
  /// Of keys of WebSocket openings (RFC 6455 §4.1), which are no secrets.
  private var nonces = RandomSource()

  init(backend: any SandboxBackend, timeouts: SidecarTimeouts) {
    self.backend = backend
    self.timeouts = timeouts
    links = ExecLinks(idleMs: timeouts.execLinkIdleMs)
    pool = HTTPClientPool(loop: LoopActor.loop) { id throws(HTTPClientError) in
      try Self.dialWhole(id, backend)
    }
  }

  /// The sandbox ends: nothing of it is kept.
  func forget(_ sandbox: Sandbox) {
    pool.drop(sandbox.record.id)
    links.drop(sandbox.record.id)
  }

  func close() {
    pool.close()
    links.close()
  }

  /// Authority of requests to a sidecar; it is not looked at.
  static let host = "sidecar"

  /// Nil if the sidecar answers its health check, or can't be asked; else what is wrong.
  func probe(_ sandbox: Sandbox, timeoutMs: UInt64) async -> String? {
    if backend.hasOnlyWebSocket { return nil }
    var request = HTTPClientRequest(target: "/healthz", host: Self.host)
    request.timeouts = HTTPClientTimeouts(wholeMs: timeoutMs)
    request.maxResponseBytes = 1024
    do throws(APIError) {
      let response = try await send(request, to: sandbox)
      return response.head.status == 200 ? nil : "its health check says \(response.head.status)"
    } catch {
      return error.message
    }
  }

  /// Open ports, ascending, without repetition. They are asked for anew each time: what is kept
  /// here could be old, and a standing feed would cost every sandbox that nobody asks about.
  func openPorts(_ sandbox: Sandbox) async throws(APIError) -> [UInt16] {
    var request = HTTPClientRequest(target: "/ports", host: Self.host)
    request.timeouts = HTTPClientTimeouts(wholeMs: timeouts.answerMs)
    request.maxResponseBytes = 64 * 1024
    let response = try await send(request, to: sandbox)
    if response.head.status == 503 {
      throw .sandboxUnreachable("the sidecar is too busy to look for ports")
    }
    guard response.head.status == 200, let value = try? JSONParser.parse(response.body),
      case .array(let elements) = value, elements.count <= WireLimits.maxOpenPorts
    else { throw fault(sandbox, "the sidecar's list of ports makes no sense") }
    var ports: Set<UInt16> = []
    for element in elements {
      guard case .int(let number) = element, let port = UInt16(exactly: number), port > 0 else {
        throw fault(sandbox, "the sidecar's list of ports makes no sense")
      }
      ports.insert(port)
    }
    return ports.sorted()
  }

  /// Starts a request of the caller's on a connection to the sidecar.
  func start(_ exchange: HTTPClientExchange, to sandbox: Sandbox) {
    pool.start(exchange, to: sandbox.record.id)
  }

  func send(
    _ request: HTTPClientRequest, to sandbox: Sandbox
  ) async throws(APIError) -> HTTPClientResponse {
    let result: Result<HTTPClientResponse, HTTPClientError> = await withCheckedContinuation {
      waiting in
      pool.send(request, to: sandbox.record.id) { waiting.resume(returning: $0) }
    }
    do { return try result.get() } catch { throw unreachable(sandbox, error) }
  }

  func unreachable(_ sandbox: Sandbox, _ error: HTTPClientError) -> APIError {
    switch error {
    case .malformed, .handshake, .bodyTooLarge, .unexpectedUpgrade, .tooManyInterimResponses:
      fault(sandbox, "the sidecar: \(error)")
    case .stream, .closed, .invalidRequest, .timedOut, .refused:
      .sandboxUnreachable("the sidecar: \(error)")
    case .unreachable(let reason): .sandboxUnreachable(reason)
    }
  }

  /// Puts the sandbox into `error`; returns what its client is told.
  func fault(_ sandbox: Sandbox, _ reason: String) -> APIError {
    onFault?(sandbox, reason)
    return .sandboxUnreachable(reason)
  }

  /// A connection for a tunnel. A sidecar that knows none says so.
  func dialSidecar(_ id: String) throws(HTTPClientError) -> any ByteStream {
    try Self.dial(id, backend)
  }

  private static func dialWhole(
    _ id: String, _ backend: any SandboxBackend
  ) throws(HTTPClientError) -> any ByteStream {
    if backend.hasOnlyWebSocket {
      throw .unreachable(
        "the \(backend.name) backend reaches a sandbox by its WebSocket only: no files, no ports")
    }
    return try dial(id, backend)
  }

  private static func dial(
    _ id: String, _ backend: any SandboxBackend
  ) throws(HTTPClientError) -> any ByteStream {
    do throws(BackendError) { return try backend.dial(id: id, .sidecar) } catch {
      throw .unreachable(error.reason)
    }
  }

  /// A WebSocket to the sidecar, its handshake done, its stream paused.
  func openWebSocket(_ sandbox: Sandbox) async throws(APIError) -> HTTPUpgrade {
    let stream: any ByteStream
    do throws(HTTPClientError) { stream = try Self.dial(sandbox.record.id, backend) } catch {
      throw unreachable(sandbox, error)
    }
    // The upgrade stays on the loop: it is kept here, and only the fact crosses the await.
    var result = Result<HTTPUpgrade, HTTPClientError>.failure(.closed)
    await withCheckedContinuation { (waiting: CheckedContinuation<Void, Never>) in
      WebSocketClientHandshake(
        stream, target: "/ws", host: Self.host, nonce: nonces.pair(),
        timeoutMs: timeouts.answerMs
      ) {
        result = $0
        waiting.resume()
      }
    }
    do { return try result.get() } catch { throw unreachable(sandbox, error) }
  }

  /// Runs a command to its end; the client's disconnect kills it.
  func exec(
    _ order: ExecOrder, in sandbox: Sandbox, for exchange: HTTPExchange,
    into output: any ExecOutput
  ) async throws(APIError) -> ExecEnd {
    if sandbox.runningExecs >= Limits.maxExecsPerSandbox {
      throw .quotaExceeded(
        "\(Limits.maxExecsPerSandbox) commands run in this sandbox already", retryAfterSeconds: 1)
    }
    sandbox.runningExecs += 1
    defer { sandbox.runningExecs -= 1 }
    if exchange.hasDisconnected { throw .sandboxUnreachable("the client has gone") }
    let session = ExecSession(order, in: sandbox, output: output, client: self)
    exchange.onDisconnect = { session.abandon() }
    let kills = backend.memoryKills(id: sandbox.record.id)
    let link: ExecLink
    if let kept = links.take(sandbox.record.id) {
      link = kept
    } else {
      link = ExecLink(try await openWebSocket(sandbox))
    }
    let result = await withCheckedContinuation { waiting in
      session.run(over: link) { waiting.resume(returning: $0) }
    }
    if sandbox.status == .running { links.keep(link, to: sandbox.record.id) } else { link.close() }
    exchange.onDisconnect = nil
    let end = try result.get()
    await explain(end, in: sandbox, since: kills, to: output)
    return end
  }

  /// Adds a line to stderr if the command was killed because the sandbox has no memory left.
  private func explain(
    _ end: ExecEnd, in sandbox: Sandbox, since kills: UInt64, to output: any ExecOutput
  ) async {
    guard end.exitCode == Limits.killedExitCode, !end.timedOut,
      let why = await backend.outOfMemory(id: sandbox.record.id, since: kills)
    else { return }
    let line = "\(output.stderrIsAtLineStart ? "" : "\n")xgen: killed: \(why)\n"
    Array(line.utf8).withUnsafeBytes { try? output.receive($0, from: .stderr) }
  }
}
