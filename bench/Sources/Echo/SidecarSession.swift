import Glibc
import Reactor

/// One client of `sidecar-echo`: its binary messages come back, until it orders a stream.
final class SidecarSession: EchoServiceSession {
  private enum Mode { case echo, source, sink, idleSource, idleSink }

  var socket: WebSocketConnection?
  private let pattern: EchoPattern
  private var mode = Mode.echo
  private var origin = 0
  private var messageBytes = 0
  private var countEvery = 1
  /// Messages sent, or received and right.
  private var count = 0
  private var isTurnPending = false

  /// Sent in one turn of the loop: others have their turn as well.
  private static let bytesPerTurn = 1024 * 1024

  init(_ pattern: EchoPattern) { self.pattern = pattern }

  func webSocketDidReceive(_ opcode: WebSocketOpcode, _ message: UnsafeRawBufferPointer) {
    if opcode == .text {
      guard let order = StreamOrder(String(decoding: message, as: UTF8.self)), take(order) else {
        socket?.close(.unsupportedData)
        return
      }
      return
    }
    switch mode {
    case .echo: echo(message)
    case .sink: receive(message)
    case .source, .idleSource, .idleSink: socket?.close(.policyViolation)
    }
  }

  private func echo(_ message: UnsafeRawBufferPointer) {
    guard let socket else { return }
    socket.send(.binary, message)
    if socket.isCongested { socket.pauseReading() }
  }

  /// False if it does not fit what goes on.
  private func take(_ order: StreamOrder) -> Bool {
    switch (order, mode) {
    case (.download(let bytes, let origin), .echo), (.download(let bytes, let origin), .idleSource):
      prepare(bytes, origin, .source)
      send()
    case (.upload(let bytes, let origin, let every), .echo),
      (.upload(let bytes, let origin, let every), .idleSink):
      prepare(bytes, origin, .sink)
      countEvery = every
    case (.stop, .source):
      mode = .idleSource
      say(.stopped(count))
    case (.stop, .sink):
      mode = .idleSink
      say(.stopped(count))
    case (.download, _), (.upload, _), (.stop, _), (.count, _), (.stopped, _): return false
    }
    return true
  }

  private func prepare(_ bytes: Int, _ origin: Int, _ mode: Mode) {
    messageBytes = bytes
    self.origin = origin
    self.mode = mode
  }

  private func say(_ order: StreamOrder) {
    var text = order.text
    text.withUTF8 { socket?.send(.text, UnsafeRawBufferPointer($0)) }
  }

  // MARK: Source

  /// As much as the socket takes.
  private func send() {
    guard let socket, !isTurnPending else { return }
    let bodyBytes = messageBytes - StreamOrder.stampBytes
    var sentBytes = 0
    while mode == .source && !socket.isCongested {
      if sentBytes > Self.bytesPerTurn { return sendInNextTurn(socket.loop) }
      var stamp = Clock.nowNs().littleEndian
      withUnsafeBytes(of: &stamp) {
        socket.send(.binary, $0, pattern.slice(at: origin + count * bodyBytes, bodyBytes))
      }
      count += 1
      sentBytes += messageBytes
    }
  }

  private func sendInNextTurn(_ loop: Loop) {
    isTurnPending = true
    // A timer of 0 ms that is set by a timer's callback runs in the same turn (libuv before 1.45).
    loop.after(ms: 1) { [weak self] in
      self?.isTurnPending = false
      self?.send()
    }
  }

  func webSocketDidDrain() {
    socket?.resumeReading()
    send()
  }

  // MARK: Sink

  private func receive(_ message: UnsafeRawBufferPointer) {
    let wanted = pattern.slice(at: origin + count * messageBytes, messageBytes)
    guard message.count == messageBytes,
      memcmp(message.baseAddress!, wanted.baseAddress!, messageBytes) == 0
    else {
      socket?.close(.invalidPayload)
      return
    }
    count += 1
    if count % countEvery == 0 { say(.count(count)) }
  }

  func webSocketDidClose(_ code: WebSocketCloseCode?, _ error: StreamError?) {
    mode = .echo
    socket = nil
  }
}
