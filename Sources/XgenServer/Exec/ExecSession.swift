internal import Reactor
internal import XgenProtocol

/// How a command ended.
struct ExecEnd: Sendable, Equatable {
  var exitCode: Int32 = 0
  var timedOut = false
}

/// One REST exec: a WebSocket of its own to the sidecar, spoken as any client speaks it.
///
/// ```
/// ready ──SandboxReady──▶ starting ──Ack──▶ running ──ExecExit──▶ done
///                                             └─timeout─▶ killing ──ExecExit or 1 s──▶ done
/// ```
@LoopActor
final class ExecSession: @preconcurrency WebSocketDelegate {
  private enum State { case ready, starting, running, killing, done }
  typealias Completion = (Result<ExecEnd, APIError>) -> Void

  private static let channel: UInt32 = 101
  private static let requestID: UInt32 = 1
  /// A stdin message's data, well under the wire's 1 MiB.
  private static let stdinPieceBytes = 256 * 1024

  private let order: ExecOrder
  private let sandbox: Sandbox
  private let output: any ExecOutput
  private unowned let client: SidecarClient
  private var state = State.ready
  private var socket: WebSocketConnection?
  private var completion: Completion?
  private var timer: Timer?

  init(
    _ order: ExecOrder, in sandbox: Sandbox, output: any ExecOutput, client: SidecarClient
  ) {
    self.order = order
    self.sandbox = sandbox
    self.output = output
    self.client = client
  }

  func run(_ upgrade: HTTPUpgrade, _ completion: @escaping Completion) {
    if state == .done {  // abandoned before it began
      upgrade.stream.close()
      return completion(.failure(.sandboxUnreachable("the client has gone")))
    }
    self.completion = completion
    let socket = WebSocketConnection(
      stream: upgrade.stream, role: .client,
      maxMessageBytes: WireLimits.maxPayloadBytes + EnvelopeHead.byteCount,
      maskSeed: SystemRandom.pair().0, delegate: self)
    self.socket = socket
    timer = LoopActor.loop.after(ms: UInt64(order.timeoutSeconds) * 1000) { [self] in timeOut() }
    var leftover = ByteBuffer()
    swap(&leftover, &upgrade.leftover)
    output.onReady = { [weak socket] in socket?.resumeReading() }
    socket.start(leftover: leftover)
  }

  /// The client has gone: the command dies with its connection.
  func abandon() {
    send(.execSignal, ExecSignal(processID: 0, signal: .kill).encode())
    finish(.failure(.sandboxUnreachable("the client has gone")))
  }

  // MARK: Messages

  func webSocketDidReceive(_ opcode: WebSocketOpcode, _ message: UnsafeRawBufferPointer) {
    guard state != .done else { return }
    guard opcode == .binary, let head = EnvelopeHead.parse(message), let type = head.messageType,
      type.isFromSandbox  // an echo brings our own messages back
    else { return garbage() }
    let payload = EnvelopeHead.payload(of: message)
    switch type {
    case .sandboxReady: if state == .ready { start() }
    case .ack: if state == .starting { begin() }
    case .execStdout: pass(payload, .stdout)
    case .execStderr: pass(payload, .stderr)
    case .execExit: exit(payload)
    case .error: refused(payload)
    default: break
    }
  }

  private func start() {
    state = .starting
    send(.execStart, order.start.encode(), id: Self.requestID)
    var rest = order.stdin[...]
    while !rest.isEmpty {
      let piece = rest.prefix(Self.stdinPieceBytes)
      send(.execStdin, [0, 0, 0, 0] + piece)
      rest = rest.dropFirst(piece.count)
    }
    send(.execStdinClose, [0, 0, 0, 0])
  }

  private func begin() {
    state = .running
    output.begin()
  }

  /// What takes no more stops the reading, and so in the end the command.
  private func pass(_ bytes: UnsafeRawBufferPointer, _ source: ExecSource) {
    do throws(APIError) { try output.receive(bytes, from: source) } catch { return fail(error) }
    if output.isCongested { socket?.pauseReading() }
  }

  private func exit(_ payload: UnsafeRawBufferPointer) {
    guard let exit = try? ExecExit.decode(payload) else { return garbage() }
    finish(.success(ExecEnd(exitCode: exit.exitCode, timedOut: state == .killing)))
  }

  private func refused(_ payload: UnsafeRawBufferPointer) {
    guard let error = try? ErrorPayload.decode(payload) else { return garbage() }
    // A command that has ended takes no more stdin; that is not the caller's concern.
    if state == .running || state == .killing { return }
    switch error.knownCode {
    case .limitReached: fail(.quotaExceeded(error.message, retryAfterSeconds: 1))
    case .execFailed where error.exitCode != nil:
      // As a shell does: the reason on stderr, then 127 or 126.
      Array("xgen: \(error.message)\n".utf8).withUnsafeBytes { pass($0, .stderr) }
      finish(.success(ExecEnd(exitCode: error.exitCode ?? 127)))
    case .execFailed, .invalidPayload, .notFound: fail(.invalidRequest(error.message))
    default: fail(.sandboxUnreachable("the sidecar: \(error.message)"))
    }
  }

  private func garbage() {
    if state == .done { return }
    fail(client.fault(sandbox, "the sidecar does not speak the protocol"))
  }

  private func send(_ type: MessageType, _ payload: [UInt8], id: UInt32 = 0) {
    let head = EnvelopeHead(type, channel: Self.channel, id: id)
    let message = head.message(payload)
    message.withUnsafeBytes { socket?.send(.binary, $0) }
  }

  // MARK: Ends

  private func timeOut() {
    timer = nil
    switch state {
    case .done: return
    case .ready: fail(.sandboxUnreachable("the sidecar did not say that it is ready"))
    case .starting, .running:
      state = .killing
      send(.execSignal, ExecSignal(processID: 0, signal: .kill).encode())
      timer = LoopActor.loop.after(ms: Limits.execKillWaitMs) { [self] in timeOut() }
    case .killing: finish(.success(ExecEnd(timedOut: true)))
    }
  }

  private func fail(_ error: APIError) { finish(.failure(error)) }

  private func finish(_ outcome: Result<ExecEnd, APIError>) {
    guard state != .done else { return }
    state = .done
    timer?.cancel()
    timer = nil
    output.onReady = nil
    socket?.close(.normal)
    socket?.resumeReading()  // to the end of the closing handshake
    let done = completion
    completion = nil
    done?(outcome)
  }

  func webSocketDidDrain() {}

  func webSocketDidFail(_ error: WebSocketError) { garbage() }

  func webSocketDidClose(_ code: WebSocketCloseCode?, _ error: StreamError?) {
    fail(.sandboxUnreachable("the sandbox ended while the command ran"))
    socket = nil
  }
}
