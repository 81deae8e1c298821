import Glibc
import Reactor

/// What the connections of one streaming run share.
struct StreamSettings {
  let target: Target
  let messageBytes: Int
  /// Uploads only: messages that are not counted yet.
  let inFlight: Int
  let pattern: EchoPattern
}

/// One WebSocket on which `sidecar-echo` sends as much as is taken.
///
/// ```
/// opening ─▶ ready ─ begin: download ─▶ streaming ─ pause: stop ─▶ settling ─ stopped ─▶ ready
/// ```
final class DownloadConnection: LoadConnection {
  private enum State { case opening, ready, streaming, settling, ended }

  private let settings: StreamSettings
  private unowned let owner: any LoadConnectionOwner
  private let origin: Int
  private var socket: ClientSocket!
  private var state = State.opening
  /// Messages that came.
  private var count = 0

  init(
    _ settings: StreamSettings, number: Int, _ place: Place, owner: any LoadConnectionOwner
  ) {
    self.settings = settings
    self.owner = owner
    origin = EchoPattern.origin(ofConnection: number)
    socket = ClientSocket(settings.target, place, number: number, isGreeted: true, owner: self)
  }

  var isReady: Bool { state == .ready }

  func connect(_ loop: Loop) { socket.connect(loop) }

  func begin() {
    guard state == .ready else { return }
    state = .streaming
    let order = StreamOrder.download(messageBytes: settings.messageBytes, origin: origin)
    socket.send(text: order.text)
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
    case .streaming, .settling: socket.fail("the stream did not end in time")
    case .ready, .ended: socket.abort()
    }
  }

  func abort() { socket.abort() }

  private func receive(_ message: UnsafeRawBufferPointer) {
    guard state == .streaming || state == .settling, message.count == settings.messageBytes else {
      return socket.fail("a message of \(message.count) bytes came in state \(state)")
    }
    let nowNs = Clock.nowNs()
    let sentNs = UInt64(littleEndian: message.loadUnaligned(as: UInt64.self))
    let body = UnsafeRawBufferPointer(rebasing: message[StreamOrder.stampBytes...])
    let wanted = settings.pattern.slice(at: origin + count * body.count, body.count)
    guard sentNs <= nowNs, memcmp(body.baseAddress!, wanted.baseAddress!, body.count) == 0 else {
      return socket.fail("message \((count + 1).grouped) came wrong")
    }
    count += 1
    owner.connectionDidComplete(sinceNs: sentNs, nowNs: nowNs)
  }
}

extension DownloadConnection: ClientSocketOwner {
  func socketDidOpen() {
    state = .ready
    owner.connectionDidBecomeReady()
  }

  func socketDidReceive(_ opcode: WebSocketOpcode, _ message: UnsafeRawBufferPointer) {
    if opcode == .binary { return receive(message) }
    let order = StreamOrder(String(decoding: message, as: UTF8.self))
    guard state == .settling, order == .stopped(count) else {
      return socket.fail("after \(count.grouped) messages, another count came")
    }
    state = .ready
    owner.connectionDidSettle()
  }

  func socketDidDrain() {}

  func socketDidEnd(_ failure: APIFailure?) {
    state = .ended
    owner.connectionDidEnd(failure)
  }
}
