import Reactor
import XgenProtocol

/// Who uses a `ClientSocket`.
protocol ClientSocketOwner: AnyObject {
  /// The far side is there: the sidecar's greeting has come, where one is expected.
  func socketDidOpen()
  func socketDidReceive(_ opcode: WebSocketOpcode, _ message: UnsafeRawBufferPointer)
  func socketDidDrain()
  /// The last call, exactly once; nil when it ended as we asked.
  func socketDidEnd(_ failure: APIFailure?)
}

/// A WebSocket from its connect to its end.
///
/// ```
/// connecting ─ 101 ─▶ greeting ─ SandboxReady ─▶ open ─ close ─▶ closing ─▶ ended
/// ```
final class ClientSocket: WebSocketDelegate {
  private enum State { case connecting, greeting, open, closing, ended }

  private let target: Target
  private let place: Place
  /// What errors name.
  private let number: Int
  private let isGreeted: Bool
  private unowned let owner: any ClientSocketOwner
  private var state = State.connecting
  private var socket: WebSocketConnection?
  private var failure: APIFailure?

  private static let openTimeoutMs: UInt64 = 40_000

  init(
    _ target: Target, _ place: Place, number: Int, isGreeted: Bool,
    owner: any ClientSocketOwner
  ) {
    self.target = target
    self.place = place
    self.number = number
    self.isGreeted = isGreeted
    self.owner = owner
  }

  func connect(_ loop: Loop) {
    let stream: SocketStream
    do throws(UVError) {
      stream = try SocketStream.connect(loop: loop, to: target.address)
    } catch {
      loop.after(ms: 0) { [self] in end(.transport("WebSocket", .stream(.connect(error)))) }
      return
    }
    WebSocketClientHandshake(
      stream, target: place.path, host: target.host, fields: place.fields,
      nonce: (.random(in: 0 ... .max), .random(in: 0 ... .max)), timeoutMs: Self.openTimeoutMs
    ) { [self] result in
      switch result {
      case .failure(let error): end(.upgrade("WebSocket", error))
      case .success(let upgrade): open(upgrade)
      }
    }
  }

  private func open(_ upgrade: HTTPUpgrade) {
    if state == .ended { return upgrade.stream.close() }
    state = isGreeted ? .greeting : .open
    let socket = WebSocketConnection(
      stream: upgrade.stream, role: .client, maxMessageBytes: WireLimits.maxFilePayloadBytes,
      maskSeed: .random(in: 0 ... .max), delegate: self)
    self.socket = socket
    var leftover = ByteBuffer()
    swap(&leftover, &upgrade.leftover)
    socket.start(leftover: leftover)
    if !isGreeted { owner.socketDidOpen() }
  }

  // MARK: Messages

  var isCongested: Bool { socket?.isCongested ?? false }

  func send(_ opcode: WebSocketOpcode, _ payload: UnsafeRawBufferPointer) {
    socket?.send(opcode, payload)
  }

  /// A message of two parts.
  func send(
    _ opcode: WebSocketOpcode, _ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer
  ) {
    socket?.send(opcode, first, second)
  }

  func send(text: String) {
    var text = text
    text.withUTF8 { socket?.send(.text, UnsafeRawBufferPointer($0)) }
  }

  func pauseReading() { socket?.pauseReading() }

  func webSocketDidReceive(_ opcode: WebSocketOpcode, _ message: UnsafeRawBufferPointer) {
    switch state {
    case .open: owner.socketDidReceive(opcode, message)
    case .greeting: greet(message)
    case .connecting, .closing, .ended: break
    }
  }

  private func greet(_ message: UnsafeRawBufferPointer) {
    let head = EnvelopeHead.parse(message)
    guard head?.messageType == .sandboxReady else {
      return fail("the first message was \(Self.name(of: message)), not sandboxReady")
    }
    state = .open
    owner.socketDidOpen()
  }

  /// For an error's text.
  static func name(of message: UnsafeRawBufferPointer) -> String {
    guard let type = EnvelopeHead.parse(message)?.messageType else { return "of no known type" }
    guard type == .error || type == .sandboxError,
      let error = try? ErrorPayload.decode(EnvelopeHead.payload(of: message))
    else { return "\(type)" }
    return "\(type): \(error.code): \(error.message)"
  }

  func webSocketDidDrain() {
    if state == .open { owner.socketDidDrain() }
  }

  // MARK: Ending

  /// With the closing handshake.
  func close() {
    state = .closing
    socket?.close(.normal)
  }

  /// Without a word.
  func abort() {
    guard let socket else { return state = .ended }
    state = .closing
    socket.abort()
  }

  /// Ends for this reason, which is the peer's fault.
  func fail(_ problem: String) {
    if failure == nil { failure = .unexpected("connection \(number)", problem) }
    guard let socket else { return end(failure) }
    state = .closing
    socket.abort()
  }

  func webSocketDidClose(_ code: WebSocketCloseCode?, _ error: StreamError?) {
    if failure == nil && state != .closing {
      let why = error?.description ?? "close code \(code.map { "\($0.rawValue)" } ?? "none")"
      failure = .unexpected("connection \(number)", "the server closed it: \(why)")
    }
    end(failure)
  }

  private func end(_ failure: APIFailure?) {
    if state == .ended { return }
    state = .ended
    socket = nil
    owner.socketDidEnd(failure)
  }
}
