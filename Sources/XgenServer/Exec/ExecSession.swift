internal import Reactor
internal import XgenProtocol

/// How a command ended.
struct ExecEnd: Sendable, Equatable {
  var exitCode: Int32 = 0
  var timedOut = false
}

/// One REST exec over a link to the sidecar.
///
/// ```
/// ready ──SandboxReady──▶ starting ──Ack──▶ running ──ExecExit──▶ done
///                                             └─timeout─▶ killing ──ExecExit or 1 s──▶ done
/// ```
@LoopActor
final class ExecSession {
  private enum State { case ready, starting, running, killing, done }
  typealias Completion = (Result<ExecEnd, APIError>) -> Void

  /// A stdin message's data, well under the wire's 1 MiB.
  private static let stdinPieceBytes = 256 * 1024

  private let order: ExecOrder
  private let sandbox: Sandbox
  private let output: any ExecOutput
  private unowned let client: SidecarClient
  private var state = State.ready
  private var link: ExecLink?
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

  /// Runs the command; the link is idle afterwards, or closed where it can't be used again.
  func run(over link: ExecLink, _ completion: @escaping Completion) {
    if state == .done {  // abandoned before it began
      link.close()
      return completion(.failure(.sandboxUnreachable("the client has gone")))
    }
    self.completion = completion
    self.link = link
    timer = LoopActor.loop.after(ms: UInt64(order.timeoutSeconds) * 1000) { [self] in timeOut() }
    output.onReady = { [weak link] in link?.resumeReading() }
    link.attach(self)
    if link.isReady { linkIsReady() }
  }

  /// The client has gone: the command dies with its connection.
  func abandon() {
    send(.execSignal, ExecSignal(processID: 0, signal: .kill).encode())
    finish(.failure(.sandboxUnreachable("the client has gone")))
  }

  // MARK: From the link

  func linkIsReady() { if state == .ready { link?.gather { start() } } }

  func receive(_ type: MessageType, _ payload: UnsafeRawBufferPointer) {
    switch type {
    case .ack: if state == .starting { begin() }
    case .execStdout: pass(payload, .stdout)
    case .execStderr: pass(payload, .stderr)
    case .execExit: exit(payload)
    case .error: refused(payload)
    default: break
    }
  }

  func garbage() {
    if state == .done { return }
    fail(client.fault(sandbox, "the sidecar does not speak the protocol"))
  }

  func linkDidEnd() {
    link = nil
    fail(.sandboxUnreachable("the sandbox ended while the command ran"))
  }

  // MARK: Messages

  private func start() {
    state = .starting
    send(.execStart, order.start.encode(), isRequest: true)
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
    if output.isCongested { link?.pauseReading() }
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

  private func send(_ type: MessageType, _ payload: [UInt8], isRequest: Bool = false) {
    link?.send(type, payload, isRequest: isRequest)
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
    let isReusable = leavesLinkClean(outcome)
    state = .done
    timer?.cancel()
    timer = nil
    output.onReady = nil
    if isReusable { link?.detach() } else { link?.close() }
    link = nil
    let done = completion
    completion = nil
    done?(outcome)
  }

  /// Whether nothing of this command can still be on its way: it ended by itself, and there was no
  /// input that it may have left unread.
  private func leavesLinkClean(_ outcome: Result<ExecEnd, APIError>) -> Bool {
    guard case .success = outcome else { return false }
    return state == .running && order.stdin.isEmpty
  }
}
