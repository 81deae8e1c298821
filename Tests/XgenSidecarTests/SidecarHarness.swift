import Glibc
import Reactor
import TestSupport
import Testing
import XgenProtocol

@testable import XgenSidecar

/// A sidecar on a real loop with a workspace of its own; only the sockets are absent.
final class SidecarHarness {
  let loop: Loop
  let sidecar: Sidecar
  let folder: String
  private var clients: [Client] = []

  init(
    environment: [String: String] = [:], ownPort: UInt16? = nil,
    _ change: (inout SidecarLimits) -> Void = { _ in }
  ) throws {
    var limits = SidecarLimits()
    limits.hangupGraceMs = 150
    limits.busyPortPollMs = 20
    change(&limits)
    folder = try makeTemporaryFolder()
    loop = try Loop()
    sidecar = try Sidecar(
      loop: loop, workspace: folder + "/workspace", environment: environment, limits: limits,
      ownPort: ownPort)
  }

  var workspace: String { sidecar.workspace.path }

  func connect() -> Client {
    let client = Client(self)
    clients.append(client)
    return client
  }

  /// Turns the loop until the condition holds; false when it does not in time.
  @discardableResult
  func run(
    timeoutMs: UInt64 = testDeadlineMs, sourceLocation: SourceLocation = #_sourceLocation,
    until condition: () -> Bool
  ) -> Bool {
    var isLate = false
    let watchdog = loop.after(ms: timeoutMs) { isLate = true }
    while !condition() && !isLate { loop.runOnce() }
    watchdog.cancel()
    #expect(!isLate, "the condition did not come true", sourceLocation: sourceLocation)
    return !isLate
  }

  /// Lets the loop turn for a while, for what must not happen.
  func run(forMs ms: UInt64) {
    var isOver = false
    loop.after(ms: ms) { isOver = true }
    while !isOver { loop.runOnce() }
  }

  /// Ends all, and expects that no handle, process or descriptor of ours is left.
  func finish(sourceLocation: SourceLocation = #_sourceLocation) {
    var isDone = false
    for client in clients { client.wire.isCongested = false }
    clients = []
    sidecar.shutDown { isDone = true }
    run(sourceLocation: sourceLocation) { isDone }
    run(sourceLocation: sourceLocation) { loop.openHandles <= 1 }
    #expect(loop.close() == 0, sourceLocation: sourceLocation)
    _ = try? SpawnOptions(command: "/bin/rm", arguments: ["-rf", folder]).runAndWait()
  }
}

private func makeTemporaryFolder() throws -> String {
  let template = try #require(strdup("/tmp/xgen-sidecar-XXXXXX"))
  defer { free(template) }
  return String(cString: try #require(mkdtemp(template)))
}

extension SpawnOptions {
  /// For a test's own little commands.
  func runAndWait() throws -> Int32 {
    var status: Int32 = 0
    waitpid(try spawn(), &status, 0)
    return status >> 8
  }
}

/// One client's side of a session.
final class Client {
  let harness: SidecarHarness
  let wire = WireRecorder()
  let session: Session

  init(_ harness: SidecarHarness) {
    self.harness = harness
    session = Session(sidecar: harness.sidecar, transport: wire)
  }

  func send(_ payload: some WirePayload, channel: UInt32 = 0, id: UInt32 = 0) {
    send(payload.message(channel: channel, id: id))
  }

  func send(_ message: [UInt8]) { message.withUnsafeBytes { session.receive($0) } }

  func start(
    _ command: String, _ arguments: [String] = [], channel: UInt32 = 7, id: UInt32 = 1000,
    tty: Bool = false
  ) {
    send(ExecStart(command: command, args: arguments, tty: tty), channel: channel, id: id)
  }

  /// A command line for /bin/sh.
  func shell(_ script: String, channel: UInt32 = 7, tty: Bool = false) {
    start("/bin/sh", ["-c", script], channel: channel, tty: tty)
  }

  func stdin(_ text: String, channel: UInt32 = 7, processID: UInt32 = 0) {
    stdin(Array(text.utf8), channel: channel, processID: processID)
  }

  func stdin(_ bytes: [UInt8], channel: UInt32 = 7, processID: UInt32 = 0) {
    bytes.withUnsafeBytes { send(ExecStdin(processID: processID, data: $0), channel: channel) }
  }

  // MARK: What came

  func stdout(_ channel: UInt32 = 7) -> String { text(.execStdout, channel) }
  func stderr(_ channel: UInt32 = 7) -> String { text(.execStderr, channel) }

  private func text(_ type: MessageType, _ channel: UInt32) -> String {
    String(decoding: wire.bytes(type, channel), as: UTF8.self)
  }

  func exitCode(_ channel: UInt32 = 7) -> Int32? {
    first(ExecExit.self) { $0.channel == channel }?.exitCode
  }

  func first<Payload: WirePayload>(
    _ type: Payload.Type, where matches: (EnvelopeHead) -> Bool = { _ in true }
  ) -> Payload? {
    let message = wire.messages.first { $0.head.type == type.type.rawValue && matches($0.head) }
    return message.flatMap { message in
      message.payload.withUnsafeBytes { try? Payload.decode($0) }
    }
  }

  func all<Payload: WirePayload>(_ type: Payload.Type) -> [Payload] {
    wire.messages.filter { $0.head.type == type.type.rawValue }.compactMap { message in
      message.payload.withUnsafeBytes { try? Payload.decode($0) }
    }
  }

  func ack(_ id: UInt32 = 1000) -> ExecAck? { first(ExecAck.self) { $0.id == id } }

  func failure(_ id: UInt32) -> ErrorPayload? { first(ErrorPayload.self) { $0.id == id } }

  func error(_ id: UInt32) -> ErrorCode? { failure(id)?.knownCode }

  func answer(_ id: UInt32) -> WireRecorder.Message? {
    wire.messages.first { $0.head.id == id }
  }

  /// Waits for the answer to a request.
  @discardableResult
  func wait(
    for id: UInt32, sourceLocation: SourceLocation = #_sourceLocation
  ) -> WireRecorder.Message? {
    harness.run(sourceLocation: sourceLocation) { answer(id) != nil }
    return answer(id)
  }

  @discardableResult
  func waitForExit(
    _ channel: UInt32 = 7, sourceLocation: SourceLocation = #_sourceLocation
  ) -> Int32? {
    harness.run(sourceLocation: sourceLocation) { exitCode(channel) != nil }
    return exitCode(channel)
  }
}

/// A transport that keeps what was sent.
final class WireRecorder: WireTransport {
  struct Message {
    let head: EnvelopeHead
    let payload: [UInt8]
  }

  private(set) var messages: [Message] = []
  /// Set by a test; or by itself once `roomBytes` have been sent.
  var isCongested = false
  var roomBytes: Int?
  private(set) var isPaused = false
  private(set) var pauses = 0

  func send(_ head: EnvelopeHead, _ payload: UnsafeRawBufferPointer) {
    messages.append(Message(head: head, payload: Array(payload)))
    guard let room = roomBytes else { return }
    roomBytes = room - payload.count
    if room - payload.count <= 0 { isCongested = true }
  }

  func pauseReceiving() {
    isPaused = true
    pauses += 1
  }

  func resumeReceiving() { isPaused = false }

  func bytes(_ type: MessageType, _ channel: UInt32) -> [UInt8] {
    messages.filter { $0.head.type == type.rawValue && $0.head.channel == channel }
      .flatMap(\.payload)
  }

  var types: [MessageType?] { messages.map(\.head.messageType) }
}
