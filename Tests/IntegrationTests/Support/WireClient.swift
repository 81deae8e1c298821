import Reactor
import ServerTestSupport
import TestSupport
import Testing
import XgenProtocol

@testable import XgenServer

/// A client of the wire protocol: keeps all that comes, and waits for what it is asked for.
@LoopActor
final class WireClient: @preconcurrency WebSocketDelegate {
  struct Message {
    let head: EnvelopeHead
    let payload: [UInt8]
  }

  private(set) var messages: [Message] = []
  private(set) var closeCode: WebSocketCloseCode?
  private(set) var isClosed = false
  private var socket: WebSocketConnection!
  private var waiting: CheckedContinuation<Void, Never>?

  init(_ upgrade: HTTPUpgrade) {
    socket = WebSocketConnection(
      stream: upgrade.stream, role: .client, maxMessageBytes: 65 << 20, maskSeed: 5, delegate: self)
    var leftover = ByteBuffer()
    swap(&leftover, &upgrade.leftover)
    socket.start(leftover: leftover)
  }

  // MARK: Sending

  func send(_ payload: some WirePayload, channel: UInt32 = 7, id: UInt32 = 0) {
    send(payload.message(channel: channel, id: id))
  }

  func send(_ message: [UInt8]) { message.withUnsafeBytes { socket.send(.binary, $0) } }

  /// Starts a command and returns its acknowledgement.
  @discardableResult
  func start(
    _ command: String, _ args: [String] = [], channel: UInt32 = 7, tty: Bool = false
  ) async throws -> ExecAck {
    let size: UInt16? = tty ? 24 : nil
    send(
      ExecStart(
        command: command, args: args, tty: tty, cols: size.map { $0 + 56 }, rows: size),
      channel: channel, id: channel)
    return try await answer(ExecAck.self, to: channel)
  }

  func stdin(_ text: String, channel: UInt32 = 7) {
    Array(text.utf8).withUnsafeBytes { send(ExecStdin(data: $0), channel: channel) }
  }

  func close() async throws {
    socket.close(.normal)
    try await wait("the connection closes") { isClosed ? () : nil }
  }

  // MARK: Waiting

  /// Waits until there is a value; fails the test if the connection ends or time is up before.
  func wait<Value>(
    _ what: String, sourceLocation: SourceLocation = #_sourceLocation, for find: () throws -> Value?
  ) async throws -> Value {
    let deadline = LoopActor.loop.nowMs + testDeadlineMs
    while true {
      if let value = try find() { return value }
      if isClosed || LoopActor.loop.nowMs >= deadline { break }
      let timer = LoopActor.loop.after(ms: deadline - LoopActor.loop.nowMs) { self.wake() }
      await withCheckedContinuation { waiting = $0 }
      timer.cancel()
    }
    let seen = messages.suffix(20).map {
      "\($0.head.type) \(String(decoding: $0.payload.prefix(200), as: UTF8.self))"
    }
    Issue.record(
      "waited in vain: \(what), closed: \(isClosed), seen: \(seen)", sourceLocation: sourceLocation)
    throw WaitedInVain()
  }

  private func wake() {
    waiting?.resume()
    waiting = nil
  }

  /// Takes the first message of a type, and with it what came before.
  func next(
    _ type: MessageType, sourceLocation: SourceLocation = #_sourceLocation
  ) async throws -> Message {
    let index = try await wait("\(type)", sourceLocation: sourceLocation) {
      messages.firstIndex { $0.head.messageType == type }
    }
    defer { messages.removeSubrange(...index) }
    return messages[index]
  }

  /// The answer to a request, which must be of that type.
  func answer<Payload: WirePayload>(
    _ type: Payload.Type, to id: UInt32, sourceLocation: SourceLocation = #_sourceLocation
  ) async throws -> Payload {
    let message = try await reply(to: id, sourceLocation: sourceLocation)
    try #require(
      message.head.type == Payload.type.rawValue, "\(message)", sourceLocation: sourceLocation)
    return try message.payload.withUnsafeBytes { try Payload.decode($0) }
  }

  func reply(
    to id: UInt32, sourceLocation: SourceLocation = #_sourceLocation
  ) async throws -> Message {
    try await wait("an answer to \(id)", sourceLocation: sourceLocation) {
      messages.first { $0.head.id == id }
    }
  }

  /// Waits for a payload of that type which fits.
  @discardableResult
  func event<Payload: WirePayload>(
    _ type: Payload.Type, sourceLocation: SourceLocation = #_sourceLocation,
    where fits: (Payload) -> Bool
  ) async throws -> Payload {
    try await wait("\(type)", sourceLocation: sourceLocation) {
      for message in messages where message.head.type == Payload.type.rawValue {
        let payload = try message.payload.withUnsafeBytes { try Payload.decode($0) }
        if fits(payload) { return payload }
      }
      return nil
    }
  }

  /// The command's exit code, once its output is complete.
  func exitCode(
    channel: UInt32 = 7, sourceLocation: SourceLocation = #_sourceLocation
  ) async throws -> Int32 {
    let message = try await wait("an exit", sourceLocation: sourceLocation) {
      messages.first { $0.head.messageType == .execExit && $0.head.channel == channel }
    }
    return try message.payload.withUnsafeBytes { try ExecExit.decode($0) }.exitCode
  }

  func output(_ type: MessageType = .execStdout, channel: UInt32 = 7) -> String {
    let frames = messages.filter {
      $0.head.messageType == type && $0.head.channel == channel && $0.head.id == 0
    }
    return String(decoding: frames.flatMap(\.payload), as: UTF8.self)
  }

  /// Waits until the output holds the text.
  func output(
    contains text: String, channel: UInt32 = 7, sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    try await wait("'\(text)' in the output", sourceLocation: sourceLocation) {
      output(channel: channel).utf8.contains(text.utf8) ? () : nil
    }
  }

  // MARK: The socket

  func webSocketDidReceive(_ opcode: WebSocketOpcode, _ message: UnsafeRawBufferPointer) {
    guard let head = EnvelopeHead.parse(message) else { return }
    messages.append(Message(head: head, payload: Array(EnvelopeHead.payload(of: message))))
    wake()
  }

  func webSocketDidDrain() {}

  func webSocketDidClose(_ code: WebSocketCloseCode?, _ error: StreamError?) {
    closeCode = code
    isClosed = true
    wake()
  }
}
