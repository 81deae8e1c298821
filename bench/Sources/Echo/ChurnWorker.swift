import Reactor

/// One WebSocket after the other: connect, upgrade, the sidecar's greeting, one echo, close.
final class ChurnWorker: LoadConnection {
  private enum State { case ready, working, settling, ended }

  private let target: Target
  private let place: Place
  private let message: UnsafeRawBufferPointer
  private let pattern: EchoPattern
  private let number: Int
  private unowned let owner: any LoadConnectionOwner
  private var loop: Loop?
  private var socket: ClientSocket?
  private var state = State.ready
  private var isEchoed = false
  private var beganNs: UInt64 = 0

  init(
    _ target: Target, _ pattern: EchoPattern, messageBytes: Int, number: Int, _ place: Place,
    owner: any LoadConnectionOwner
  ) {
    self.target = target
    self.place = place
    self.number = number
    self.owner = owner
    self.pattern = pattern
    message = pattern.slice(at: EchoPattern.origin(ofConnection: number), messageBytes)
  }

  var isReady: Bool { state == .ready }

  func connect(_ loop: Loop) {
    self.loop = loop
    // Never within the call: others are still to be connected.
    loop.after(ms: 0) { [self] in owner.connectionDidBecomeReady() }
  }

  func begin() {
    guard state == .ready else { return }
    state = .working
    next()
  }

  private func next() {
    guard let loop else { return }
    isEchoed = false
    beganNs = Clock.nowNs()
    let socket = ClientSocket(target, place, number: number, isGreeted: true, owner: self)
    self.socket = socket
    socket.connect(loop)
  }

  func pause() {
    if state == .working { state = .settling }
  }

  func finish() {
    guard state == .ready else { return }
    state = .ended
    owner.connectionDidEnd(nil)
  }

  func giveUp() { socket?.fail("its echo and close did not come in time") }

  func abort() {
    state = .ended
    socket?.abort()
  }
}

extension ChurnWorker: ClientSocketOwner {
  func socketDidOpen() { socket?.send(.binary, message) }

  func socketDidReceive(_ opcode: WebSocketOpcode, _ message: UnsafeRawBufferPointer) {
    guard opcode == .binary, !isEchoed, message.elementsEqual(self.message) else {
      socket?.fail("the echo came back wrong")
      return
    }
    isEchoed = true
    socket?.close()
  }

  func socketDidDrain() {}

  func socketDidEnd(_ failure: APIFailure?) {
    socket = nil
    if failure != nil || state == .ended {
      state = .ended
      return owner.connectionDidEnd(failure)
    }
    owner.connectionDidComplete(sinceNs: beganNs, nowNs: Clock.nowNs())
    if state == .working { return next() }
    state = .ready
    owner.connectionDidSettle()
  }
}
