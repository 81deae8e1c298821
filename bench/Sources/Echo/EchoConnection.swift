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
  let inFlight: Int
  let messageBytes: Int
  let peer: EchoPeer
  let pattern: EchoPattern
}

/// Round trips through one WebSocket, to a sandbox with `cat`, or another echo, at its end.
///
/// ```
/// opening ─▶ starting ─ Ack ─▶ ready ─ begin ─▶ echoing ─ pause ─▶ settling ─ all is back ─▶ ready
///   ─ finish ─▶ exiting ─ ExecExit 0 ─▶ ended
/// ```
/// Without `cat` there is nothing to start and to exit.
final class EchoConnection: LoadConnection {
  private enum State { case opening, starting, ready, echoing, settling, exiting, ended }

  private let settings: EchoSettings
  private unowned let owner: any LoadConnectionOwner
  private let channel: UInt32
  private var state = State.opening
  private var sequence: EchoSequence
  private var socket: ClientSocket!
  /// What precedes the bytes of every message.
  private let head: [UInt8]

  private static let startID: UInt32 = 1

  init(
    _ settings: EchoSettings, number: Int, _ place: Place, owner: any LoadConnectionOwner
  ) {
    self.settings = settings
    self.owner = owner
    channel = UInt32(number + 1)
    sequence = EchoSequence(
      pattern: settings.pattern, connection: number, messageBytes: settings.messageBytes,
      maxInFlight: settings.inFlight)
    let none = UnsafeRawBufferPointer(start: nil, count: 0)
    head = settings.peer == .cat ? ExecStdin(data: none).message(channel: channel, id: 0) : []
    socket = ClientSocket(
      settings.target, place, number: number, isGreeted: settings.peer != .plain, owner: self)
  }

  func connect(_ loop: Loop) { socket.connect(loop) }

  // MARK: Echoing

  var isReady: Bool { state == .ready }

  /// Sends the first messages.
  func begin() {
    guard state == .ready else { return }
    state = .echoing
    sendMore(nowNs: Clock.nowNs())
  }

  private func sendMore(nowNs: UInt64) {
    head.withUnsafeBytes { head in
      while state == .echoing && sequence.inFlight < settings.inFlight {
        socket.send(.binary, head, sequence.next(nowNs: nowNs))
      }
    }
  }

  private func receive(_ piece: UnsafeRawBufferPointer) {
    guard state == .echoing || state == .settling else {
      return socket.fail("output came in state \(state)")
    }
    if let problem = sequence.receive(piece) { return socket.fail(problem) }
    let nowNs = Clock.nowNs()
    sequence.takeCompleted { owner.connectionDidComplete(sinceNs: $0, nowNs: nowNs) }
    if state == .echoing { sendMore(nowNs: nowNs) } else { settleIfWhole() }
  }

  func pause() {
    guard state == .echoing else { return }
    state = .settling
    settleIfWhole()
  }

  private func settleIfWhole() {
    guard state == .settling, sequence.isWhole else { return }
    state = .ready
    owner.connectionDidSettle()
  }

  // MARK: Ending

  func finish() {
    guard state == .ready else { return }
    if settings.peer != .cat { return socket.close() }
    state = .exiting
    send(ExecStdinClose().message(channel: channel, id: 0))
  }

  func giveUp() {
    switch state {
    case .opening, .starting: socket.fail("not ready in time")
    case .echoing, .settling: socket.fail("\(sequence.missing) did not come back")
    case .exiting: socket.fail("cat did not exit at the end of its input")
    case .ready, .ended: socket.abort()
    }
  }

  func abort() { socket.abort() }
}

extension EchoConnection: ClientSocketOwner {
  func socketDidOpen() {
    if settings.peer == .cat {
      state = .starting
      send(ExecStart(command: "cat").message(channel: channel, id: Self.startID))
    } else {
      becomeReady()
    }
  }

  private func becomeReady() {
    state = .ready
    owner.connectionDidBecomeReady()
  }

  func socketDidReceive(_ opcode: WebSocketOpcode, _ message: UnsafeRawBufferPointer) {
    guard opcode == .binary else { return socket.fail("a text message came") }
    if settings.peer != .cat { return receive(message) }
    guard let head = EnvelopeHead.parse(message), let type = head.messageType else {
      return socket.fail("a message without a known type came")
    }
    handle(type, head, message)
  }

  private func handle(
    _ type: MessageType, _ head: EnvelopeHead, _ message: UnsafeRawBufferPointer
  ) {
    let payload = EnvelopeHead.payload(of: message)
    switch type {
    case .execStdout where head.channel == channel: receive(payload)
    case .ack where state == .starting && head.id == Self.startID: becomeReady()
    case .execExit where state == .exiting && head.channel == channel:
      guard let exit = try? ExecExit.decode(payload), exit.exitCode == 0 else {
        return socket.fail("cat did not exit with 0")
      }
      socket.close()
    case .execStderr:
      socket.fail("stderr: \(String(decoding: payload.prefix(200), as: UTF8.self))")
    case .ping: send(EnvelopeHead(.pong, id: head.id).message())
    case .pong, .portOpen, .portClose, .sandboxStats, .fsEvent: break
    default: socket.fail("\(ClientSocket.name(of: message)) came in state \(state)")
    }
  }

  private func send(_ message: [UInt8]) {
    message.withUnsafeBytes { socket.send(.binary, $0) }
  }

  func socketDidDrain() {}

  func socketDidEnd(_ failure: APIFailure?) {
    state = .ended
    owner.connectionDidEnd(failure)
  }
}
