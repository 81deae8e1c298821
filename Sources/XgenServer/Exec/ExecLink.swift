internal import Reactor
internal import XgenProtocol

/// A WebSocket to a sidecar, spoken as any client speaks it, over which one command after the other
/// is run: each on a channel of its own, so that what comes late of one is not the next one's.
@LoopActor
final class ExecLink: @preconcurrency WebSocketDelegate {
  /// SandboxReady has come: commands can be started.
  private(set) var isReady = false
  /// Loop time at which its last command ended.
  private(set) var idleSinceMs: UInt64 = 0
  private var socket: WebSocketConnection?
  private var upgrade: HTTPUpgrade?
  private var session: ExecSession?
  private var channel: UInt32 = 100
  private var idleBytes = 0

  private static let requestID: UInt32 = 1

  init(_ upgrade: HTTPUpgrade) { self.upgrade = upgrade }

  /// It has ended its last command well and can run another.
  var isIdle: Bool { session == nil && isReady && socket?.isClosing == false }

  /// Whether it is idle and nothing waits to be read, be it its end: a command that was sent is not
  /// sent again, so who wants to run one asks first.
  var isQuiet: Bool { isIdle && socket?.hasUnreadInput == false }

  /// Gives the session a channel and its messages. Precondition: no other one has them.
  func attach(_ session: ExecSession) {
    precondition(self.session == nil, "a link runs one command at a time")
    self.session = session
    channel = channel == .max ? 101 : channel + 1
    idleBytes = 0
    if let upgrade { open(upgrade) }
  }

  private func open(_ upgrade: HTTPUpgrade) {
    self.upgrade = nil
    let socket = WebSocketConnection(
      stream: upgrade.stream, role: .client,
      maxMessageBytes: WireLimits.maxPayloadBytes + EnvelopeHead.byteCount,
      maskSeed: SystemRandom.pair().0, delegate: self)
    self.socket = socket
    var leftover = ByteBuffer()
    swap(&leftover, &upgrade.leftover)
    socket.start(leftover: leftover)
  }

  /// The command is over; the link may run another one.
  func detach() {
    session = nil
    idleSinceMs = LoopActor.loop.nowMs
    socket?.resumeReading()
  }

  /// Ends the connection, and with it what still runs in the sandbox because of it. Idempotent.
  func close() {
    session = nil
    upgrade?.stream.close()
    upgrade = nil
    socket?.close(.normal)
    socket?.resumeReading()  // to the end of the closing handshake
  }

  // MARK: From the session

  func send(_ type: MessageType, _ payload: [UInt8], isRequest: Bool = false) {
    let head = EnvelopeHead(type, channel: channel, id: isRequest ? Self.requestID : 0)
    head.message(payload).withUnsafeBytes { socket?.send(.binary, $0) }
  }

  /// Sends what `body` sends in one write.
  func gather(_ body: () -> Void) { socket?.gather(body) }

  func pauseReading() { socket?.pauseReading() }
  func resumeReading() { socket?.resumeReading() }

  // MARK: From the socket

  func webSocketDidReceive(_ opcode: WebSocketOpcode, _ message: UnsafeRawBufferPointer) {
    guard let session else { return idled(message.count) }
    guard opcode == .binary, let head = EnvelopeHead.parse(message), let type = head.messageType,
      type.isFromSandbox  // an echo brings our own messages back
    else { return session.garbage() }
    if type == .sandboxReady {
      isReady = true
      session.linkIsReady()
    } else if head.channel == channel || head.channel == 0 {
      session.receive(type, EnvelopeHead.payload(of: message))
    }
  }

  /// Between two commands there is news of ports, and little else.
  private func idled(_ byteCount: Int) {
    idleBytes += byteCount
    if idleBytes > Limits.maxIdleExecLinkBytes { close() }
  }

  func webSocketDidDrain() {}

  func webSocketDidFail(_ error: WebSocketError) { session?.garbage() }

  func webSocketDidClose(_ code: WebSocketCloseCode?, _ error: StreamError?) {
    socket = nil
    let last = session
    session = nil
    last?.linkDidEnd()
  }
}
