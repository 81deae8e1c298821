import Reactor

/// One WebSocket on which we send, so many messages ahead of what `sidecar-echo` has counted.
///
/// ```
/// opening ─▶ ready ─ begin: upload ─▶ streaming ─ pause: stop ─▶ settling ─ stopped ─▶ ready
/// ```
final class UploadConnection: LoadConnection {
  private enum State { case opening, ready, streaming, settling, ended }

  private let settings: StreamSettings
  private unowned let owner: any LoadConnectionOwner
  private let origin: Int
  private var socket: ClientSocket!
  private var state = State.opening
  /// The times of those that are not counted yet.
  private var sentAtNs: [UInt64]
  private var sent = 0
  private var counted = 0

  /// A count comes so many times while a whole window is on its way.
  private static let countsPerWindow = 4

  init(
    _ settings: StreamSettings, number: Int, _ place: Place, owner: any LoadConnectionOwner
  ) {
    self.settings = settings
    self.owner = owner
    origin = EchoPattern.origin(ofConnection: number)
    sentAtNs = Array(repeating: 0, count: settings.inFlight)
    socket = ClientSocket(settings.target, place, number: number, isGreeted: true, owner: self)
  }

  var isReady: Bool { state == .ready }

  func connect(_ loop: Loop) { socket.connect(loop) }

  func begin() {
    guard state == .ready else { return }
    state = .streaming
    let order = StreamOrder.upload(
      messageBytes: settings.messageBytes, origin: origin,
      countEvery: max(1, settings.inFlight / Self.countsPerWindow))
    socket.send(text: order.text)
    sendMore()
  }

  private func sendMore() {
    let nowNs = Clock.nowNs()
    while state == .streaming && sent - counted < settings.inFlight {
      let position = origin + sent * settings.messageBytes
      sentAtNs[sent % sentAtNs.count] = nowNs
      sent += 1
      socket.send(.binary, settings.pattern.slice(at: position, settings.messageBytes))
    }
  }

  func pause() {
    guard state == .streaming else { return }
    state = .settling
    socket.send(text: StreamOrder.stop.text)
  }

  func finish() {
    if state == .ready { socket.close() }
  }

  func giveUp() {
    switch state {
    case .opening: socket.fail("not ready in time")
    case .streaming, .settling: socket.fail("\((sent - counted).grouped) messages did not arrive")
    case .ready, .ended: socket.abort()
    }
  }

  func abort() { socket.abort() }
}

extension UploadConnection: ClientSocketOwner {
  func socketDidOpen() {
    state = .ready
    owner.connectionDidBecomeReady()
  }

  /// A message's time ends when its count comes: that of the last message before it is right, those
  /// of the others are too long by their wait for it.
  func socketDidReceive(_ opcode: WebSocketOpcode, _ message: UnsafeRawBufferPointer) {
    switch opcode == .text ? StreamOrder(String(decoding: message, as: UTF8.self)) : nil {
    case .count(let count) where isRight(count): take(count)
    case .stopped(let count) where count == sent && state == .settling:
      take(count)
      state = .ready
      owner.connectionDidSettle()
    default: socket.fail("no count of our messages came in state \(state)")
    }
  }

  private func isRight(_ count: Int) -> Bool {
    (counted...sent).contains(count) && (state == .streaming || state == .settling)
  }

  private func take(_ count: Int) {
    let nowNs = Clock.nowNs()
    while counted < count {
      owner.connectionDidComplete(sinceNs: sentAtNs[counted % sentAtNs.count], nowNs: nowNs)
      counted += 1
    }
    sendMore()
  }

  func socketDidDrain() {}

  func socketDidEnd(_ failure: APIFailure?) {
    state = .ended
    owner.connectionDidEnd(failure)
  }
}
