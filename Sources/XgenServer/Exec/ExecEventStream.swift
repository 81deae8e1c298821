internal import Reactor

/// Passes a command's output on as it comes, as events (spec/api.md, Exec): `stdout` and `stderr`
/// with `{data}`, at last `exit` with `{exit_code}`, or `error` with `{error, code}`.
///
/// It keeps no output: while the client does not read, nothing is read from the sandbox.
@LoopActor
final class ExecEventStream: ExecOutput {
  private let request: APIRequest
  private let order: ExecOrder
  private var stdout = UTF8Pieces()
  private var stderr = UTF8Pieces()
  private var idleTimer: Timer?
  /// The answer's head is sent: there is no other status any more.
  private(set) var hasBegun = false
  private(set) var stderrIsAtLineStart = true
  var onReady: (() -> Void)?

  private static let fields = [
    HTTPField(fixed: "Content-Type", "text/event-stream"),
    HTTPField(fixed: "Cache-Control", "no-store"),
    HTTPField(fixed: "X-Accel-Buffering", "no"),
  ]

  init(_ request: APIRequest, _ order: ExecOrder) {
    self.request = request
    self.order = order
  }

  private var exchange: HTTPExchange { request.exchange }

  var isCongested: Bool { exchange.isCongested }

  func begin() {
    if hasBegun { return }
    hasBegun = true
    exchange.onDrain = { [weak self] in self?.onReady?() }
    request.startResponse(200, Self.fields)
    idleTimer = LoopActor.loop.every(ms: Limits.eventStreamIdleMs) { [weak self] in self?.rest() }
  }

  /// A comment, where events that wait do not say already that the stream lives.
  private func rest() {
    if !isCongested { write(ServerSentEvent.comment) }
  }

  func receive(_ bytes: UnsafeRawBufferPointer, from source: ExecSource) throws(APIError) {
    begin()
    if source == .stderr, let last = bytes.last {
      stderrIsAtLineStart = last == UInt8(ascii: "\n")
    }
    switch source {
    case .stdout: send("stdout", order.isBase64 ? Base64.encode(Array(bytes)) : stdout.take(bytes))
    case .stderr: send("stderr", order.isBase64 ? Base64.encode(Array(bytes)) : stderr.take(bytes))
    }
  }

  func end(_ end: ExecEnd) {
    begin()
    if end.timedOut { return self.end(.execTimeout(order.timeoutSeconds)) }
    flush()
    var writer = JSONWriter()
    writer.beginObject()
    writer.key("exit_code")
    writer.int(end.exitCode)
    writer.endObject()
    finish(ServerSentEvent("exit", data: writer.bytes))
  }

  /// Precondition: it has begun.
  func end(_ error: APIError) {
    flush()
    finish(ServerSentEvent("error", data: error.body))
  }

  /// What was held back of characters that will not be finished.
  private func flush() {
    send("stdout", stdout.flush())
    send("stderr", stderr.flush())
  }

  private func finish(_ last: ServerSentEvent) {
    idleTimer?.cancel()
    idleTimer = nil
    write(last.bytes)
    exchange.end()
  }

  private func send(_ name: String, _ text: String) {
    if text.isEmpty { return }
    var writer = JSONWriter()
    writer.beginObject()
    writer.key("data")
    writer.string(text)
    writer.endObject()
    write(ServerSentEvent(name, data: writer.bytes).bytes)
  }

  private func write(_ bytes: [UInt8]) { bytes.withUnsafeBytes { exchange.write($0) } }
}
