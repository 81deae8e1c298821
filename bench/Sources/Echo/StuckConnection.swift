import Reactor

/// One WebSocket to an echo that sends as much as is taken and never reads: the server is left
/// with all that comes back.
final class StuckConnection: LoadConnection {
  private let pattern: EchoPattern
  private unowned let owner: any LoadConnectionOwner
  private var socket: ClientSocket!
  private var position = 0
  private(set) var isReady = false

  private static let messageBytes = 16 * 1024

  init(
    _ target: Target, _ pattern: EchoPattern, number: Int, _ place: Place,
    owner: any LoadConnectionOwner
  ) {
    self.pattern = pattern
    self.owner = owner
    socket = ClientSocket(target, place, number: number, isGreeted: true, owner: self)
  }

  func connect(_ loop: Loop) { socket.connect(loop) }

  /// It is stuck from the first time on.
  func begin() { send() }

  private func send() {
    while isReady && !socket.isCongested {
      socket.send(.binary, pattern.slice(at: position, Self.messageBytes))
      position = (position + Self.messageBytes) % EchoPattern.periodBytes
    }
  }

  func pause() { owner.connectionDidSettle() }

  /// The closing handshake would wait behind all that was not read.
  func finish() { socket.abort() }

  func giveUp() {
    if isReady { socket.abort() } else { socket.fail("not ready in time") }
  }

  func abort() { socket.abort() }
}

extension StuckConnection: ClientSocketOwner {
  func socketDidOpen() {
    isReady = true
    socket.pauseReading()
    owner.connectionDidBecomeReady()
  }

  func socketDidReceive(_ opcode: WebSocketOpcode, _ message: UnsafeRawBufferPointer) {}

  func socketDidDrain() { send() }

  func socketDidEnd(_ failure: APIFailure?) {
    isReady = false
    owner.connectionDidEnd(failure)
  }
}
