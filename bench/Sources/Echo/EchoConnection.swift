import Reactor
import XgenProtocol

/// What is at the far end.
enum EchoPeer {
  /// A sandbox with `cat` in it: messages are its stdin and stdout, in envelopes.
  case cat
  /// A server's sandbox that is `sidecar-echo`: after SandboxReady, every message comes back.
  case sidecarEcho
  /// A WebSocket server that echoes: no sandbox, no envelope.
  case plain
}

/// What the connections of one run share.
struct EchoSettings {
  let target: Target
  let fields: [HTTPField]
  let inFlight: Int
  let messageBytes: Int
  let peer: EchoPeer
}

/// Who owns echo connections.
protocol EchoConnectionOwner: AnyObject {
  /// The far side is ready to echo.
  func echoDidBecomeReady(_ connection: EchoConnection)
  func echoDidComplete(sentAtNs: UInt64, nowNs: UInt64)
  /// After a pause: everything sent is back.
  func echoDidSettle(_ connection: EchoConnection)
  /// The last call, exactly once; nil when all went well.
  func echoDidEnd(_ connection: EchoConnection, _ failure: APIFailure?)
}

/// One WebSocket to a sandbox with `cat`, or another echo, at its end.
///
/// ```
/// connecting ─ 101 ─▶ greeting ─ SandboxReady ─▶ starting ─ Ack ─▶ ready ─ begin ─▶ echoing
///   ─ pause ─▶ settling ─ all is back ─▶ ready ─ finish ─▶ exiting ─ ExecExit 0 ─▶ closing ─▶ ended
/// ```
/// A plain peer goes from connecting to ready, `sidecar-echo` from greeting; both go from ready to
/// closing.
final class EchoConnection: WebSocketDelegate {
  private enum State {
    case connecting, greeting, starting, ready, echoing, settling, exiting, closing, ended
  }

  private let settings: EchoSettings
  private unowned let owner: any EchoConnectionOwner
  private let number: Int
  private let path: String
  private let channel: UInt32
  private var state = State.connecting
  private var sequence: EchoSequence
  private var socket: WebSocketConnection?
  private var failure: APIFailure?
  /// What precedes the bytes of every message.
  private let head: [UInt8]

  private static let startID: UInt32 = 1

  init(
    _ settings: EchoSettings, number: Int, path: String, pattern: EchoPattern,
    owner: any EchoConnectionOwner
  ) {
    self.path = path
    self.settings = settings
    self.owner = owner
    self.number = number
    channel = UInt32(number + 1)
    sequence = EchoSequence(
      pattern: pattern, connection: number, messageBytes: settings.messageBytes,
      maxInFlight: settings.inFlight)
    let none = UnsafeRawBufferPointer(start: nil, count: 0)
    head = settings.peer == .cat ? ExecStdin(data: none).message(channel: channel, id: 0) : []
  }

  // MARK: Opening

  func connect(_ loop: Loop) {
    let stream: SocketStream
    do throws(UVError) {
      stream = try SocketStream.connect(loop: loop, to: settings.target.address)
    } catch {
      loop.after(ms: 0) { [self] in end(.transport("WebSocket", .stream(.connect(error)))) }
      return
    }
    WebSocketClientHandshake(
      stream, target: path, host: settings.target.host, fields: settings.fields,
      nonce: (.random(in: 0 ... .max), .random(in: 0 ... .max)), timeoutMs: 40_000
    ) { [self] result in
      switch result {
      case .failure(let error): end(.upgrade("WebSocket", error))
      case .success(let upgrade): open(upgrade)
      }
    }
  }

  private func open(_ upgrade: HTTPUpgrade) {
    if state == .ended { return upgrade.stream.close() }
    let isReady = settings.peer == .plain
    state = isReady ? .ready : .greeting
    let socket = WebSocketConnection(
      stream: upgrade.stream, role: .client, maxMessageBytes: WireLimits.maxFilePayloadBytes,
      maskSeed: .random(in: 0 ... .max), delegate: self)
    self.socket = socket
    var leftover = ByteBuffer()
    swap(&leftover, &upgrade.leftover)
    socket.start(leftover: leftover)
    if isReady { owner.echoDidBecomeReady(self) }
  }

  // MARK: Echoing

  var isReady: Bool { state == .ready }

  /// Sends the first messages.
  func begin() {
    guard state == .ready else { return }
    state = .echoing
    sendMore(nowNs: Clock.nowNs())
  }

  private func sendMore(nowNs: UInt64) {
    guard let socket else { return }
    head.withUnsafeBytes { head in
      while state == .echoing && sequence.inFlight < settings.inFlight {
        socket.send(.binary, head, sequence.next(nowNs: nowNs))
      }
    }
  }

  private func receive(_ piece: UnsafeRawBufferPointer) {
    guard state == .echoing || state == .settling else {
      return fail("output came in state \(state)")
    }
    if let problem = sequence.receive(piece) { return fail(problem) }
    let nowNs = Clock.nowNs()
    sequence.takeCompleted { owner.echoDidComplete(sentAtNs: $0, nowNs: nowNs) }
    if state == .echoing { sendMore(nowNs: nowNs) } else { settleIfWhole() }
  }

  /// Sends no more until it is begun again.
  func pause() {
    guard state == .echoing else { return }
    state = .settling
    settleIfWhole()
  }

  private func settleIfWhole() {
    guard state == .settling, sequence.isWhole else { return }
    state = .ready
    owner.echoDidSettle(self)
  }

  // MARK: Ending

  /// Ends, once everything is back.
  func finish() {
    guard state == .ready else { return }
    if settings.peer != .cat { return close() }
    state = .exiting
    send(ExecStdinClose().message(channel: channel, id: 0))
  }

  private func close() {
    state = .closing
    socket?.close(.normal)
  }

  /// The run's patience is over.
  func giveUp() {
    switch state {
    case .connecting, .greeting, .starting: fail("not ready in time")
    case .ready, .echoing, .settling: fail("\(sequence.missing) did not come back")
    case .exiting: fail("cat did not exit at the end of its input")
    case .closing, .ended: abort()
    }
  }

  /// Ends without a word.
  func abort() {
    if let socket { socket.abort() } else { state = .ended }
  }

  private func fail(_ problem: String) {
    if failure == nil { failure = .unexpected("connection \(number)", problem) }
    guard let socket else { return end(failure) }
    state = .closing
    socket.abort()
  }

  private func end(_ failure: APIFailure?) {
    if state == .ended { return }
    state = .ended
    socket = nil
    owner.echoDidEnd(self, failure)
  }

  // MARK: The socket

  func webSocketDidReceive(_ opcode: WebSocketOpcode, _ message: UnsafeRawBufferPointer) {
    if state == .closing || state == .ended { return }
    guard opcode == .binary else { return fail("a text message came") }
    if settings.peer != .cat && state != .greeting { return receive(message) }
    guard let head = EnvelopeHead.parse(message), let type = head.messageType else {
      return fail("a message without a known type came")
    }
    handle(type, head, EnvelopeHead.payload(of: message))
  }

  private func handle(
    _ type: MessageType, _ head: EnvelopeHead, _ payload: UnsafeRawBufferPointer
  ) {
    if state == .greeting && type != .sandboxReady {
      return fail("the first message was \(type), not sandboxReady")
    }
    switch type {
    case .execStdout where head.channel == channel: receive(payload)
    case .sandboxReady where state == .greeting && settings.peer == .sidecarEcho:
      state = .ready
      owner.echoDidBecomeReady(self)
    case .sandboxReady where state == .greeting:
      state = .starting
      send(ExecStart(command: "cat").message(channel: channel, id: Self.startID))
    case .ack where state == .starting && head.id == Self.startID:
      state = .ready
      owner.echoDidBecomeReady(self)
    case .execExit where state == .exiting && head.channel == channel:
      guard let exit = try? ExecExit.decode(payload), exit.exitCode == 0 else {
        return fail("cat did not exit with 0")
      }
      close()
    case .error, .sandboxError:
      let error = try? ErrorPayload.decode(payload)
      fail(error.map { "\(type): \($0.code): \($0.message)" } ?? "an unreadable \(type)")
    case .execStderr: fail("stderr: \(String(decoding: payload.prefix(200), as: UTF8.self))")
    case .ping: send(EnvelopeHead(.pong, id: head.id).message())
    case .pong, .portOpen, .portClose, .sandboxStats, .fsEvent: break
    default: fail("\(type) on channel \(head.channel) came in state \(state)")
    }
  }

  private func send(_ message: [UInt8]) {
    message.withUnsafeBytes { socket?.send(.binary, $0) }
  }

  func webSocketDidDrain() {}

  func webSocketDidClose(_ code: WebSocketCloseCode?, _ error: StreamError?) {
    if failure == nil && state != .closing {
      let why = error?.description ?? "close code \(code.map { "\($0.rawValue)" } ?? "none")"
      failure = .unexpected("connection \(number)", "the server closed in state \(state): \(why)")
    }
    end(failure)
  }
}
