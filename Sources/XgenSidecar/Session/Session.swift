import Reactor
import XgenProtocol

/// One WebSocket connection: its processes by channel, its file requests and its watches.
///
/// It lives on the loop's thread. `close()` ends all that it started; what is still under way on
/// a worker finishes there and finds nobody to answer.
final class Session {
  let sidecar: Sidecar
  /// Nil once closed.
  private(set) var transport: (any WireTransport)?
  let pump: OutputPump
  let stdin: StdinFlow
  var channels = ChannelTable()
  var ports = PortNews()
  fileprivate var order = ChannelOrder()
  private var gate = ReceivingGate()
  /// Bytes answered since the transport became congested.
  private var repliedWhileCongested = 0
  private var onDrain: [() -> Void] = []
  /// Contents of FsWrites that wait for their turn.
  private var heldFileBytes = 0

  /// Sends SandboxReady first, then PortOpen for each open port.
  init(sidecar: Sidecar, transport: any WireTransport) {
    self.sidecar = sidecar
    self.transport = transport
    pump = OutputPump()
    stdin = StdinFlow(loop: sidecar.loop, limits: sidecar.limits)
    pump.session = self
    stdin.session = self
    transport.send(.sandboxReady)
    sidecar.add(self)
    sidecar.ports.refresh()
    tellOfPorts()
  }

  var isClosed: Bool { transport == nil }

  /// The connection is gone: SIGHUP now, SIGKILL to what is left after the grace time.
  func close() {
    if isClosed { return }
    transport = nil
    let waiting = onDrain
    onDrain = []
    for body in waiting { body() }
    stdin.close()
    pump.close()
    sidecar.watches.removeAll(of: self)
    // A command that has ended has left its background children on purpose (`server &`): they
    // are the sandbox's now.
    let leaders = channels.runningLeaders
    for process in channels.processes { process.detach() }
    sidecar.ender.end(leaders)
    sidecar.remove(self)
  }

  func transportDidDrain() {
    repliedWhileCongested = 0
    setGate(.replies, false)
    let waiting = onDrain
    onDrain = []
    for body in waiting { body() }
    pump.transportDidDrain()
    sidecar.watches.transportDidDrain(of: self)
    tellOfPorts()
  }

  /// Runs `body` once: when the transport has room, now if it has some, or when it closes.
  func whenDrained(_ body: @escaping () -> Void) {
    if transport?.isCongested == true { onDrain.append(body) } else { body() }
  }

  func holdFileBytes(_ byteCount: Int) {
    heldFileBytes += byteCount
    checkHeldBytes()
  }

  fileprivate func checkHeldBytes() {
    let held = heldFileBytes + order.heldBytes
    setGate(.requests, held > sidecar.limits.heldBytesPerSession)
  }

  func setGate(_ reason: ReceivingGate.Reasons, _ holds: Bool) {
    switch gate.set(reason, holds) {
    case .none: break
    case .pause: transport?.pauseReceiving()
    case .resume: transport?.resumeReceiving()
    }
  }
}

// MARK: Order

extension Session {
  /// Whether the message has to wait for an earlier one of its channel; it is kept then. Pings
  /// don't wait: they ask whether we are there.
  func waitsItsTurn(_ message: UnsafeRawBufferPointer, _ head: EnvelopeHead) -> Bool {
    guard order.isBusy(head.channel), head.messageType != .ping else { return false }
    order.hold(message, head.channel)
    checkHeldBytes()
    return true
  }

  /// A request has gone to a worker; `finishRequest` follows once.
  func beginRequest(_ head: EnvelopeHead) { order.begin(head.channel) }

  /// It is answered: what has waited behind it is handled, up to the next that goes to a worker.
  func finishRequest(_ head: EnvelopeHead) {
    var waiting = order.finish(head.channel)
    while !isClosed, !order.isBusy(head.channel), let message = waiting.popFirst() {
      message.withUnsafeBytes { receive($0) }
    }
    if !waiting.isEmpty && !isClosed { order.putBack(waiting, head.channel) }
    checkHeldBytes()
  }
}

// MARK: Answers

extension Session {
  func reply(_ payload: some WirePayload, to request: EnvelopeHead) {
    reply(type(of: payload).type, payload.encode(), to: request)
  }

  func reply(_ type: MessageType, _ payload: [UInt8] = [], to request: EnvelopeHead) {
    guard let transport else { return }
    transport.send(EnvelopeHead(type, channel: request.channel, id: request.id), payload)
    noteReply(payload.count + EnvelopeHead.byteCount)
  }

  func fail(_ failure: RequestFailure, _ request: EnvelopeHead) {
    reply(failure.payload, to: request)
  }

  /// A client that asks on and on and reads no answer is not listened to until it does.
  private func noteReply(_ byteCount: Int) {
    guard let transport, transport.isCongested else { return }
    repliedWhileCongested += byteCount
    if repliedWhileCongested > sidecar.limits.repliesWhileCongestedBytes { setGate(.replies, true) }
  }
}
