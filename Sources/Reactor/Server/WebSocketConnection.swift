/// Who uses a WebSocket. Every method runs on the loop.
public protocol WebSocketDelegate: AnyObject {
  /// A whole message, lent for the length of the call.
  func webSocketDidReceive(_ opcode: WebSocketOpcode, _ message: UnsafeRawBufferPointer)
  /// After congestion, more can be sent.
  func webSocketDidDrain()
  /// The peer broke the protocol: nothing more will come of it, and the connection ends.
  func webSocketDidFail(_ error: WebSocketError)
  /// The last call, exactly once. The code is the peer's, nil if it sent none.
  func webSocketDidClose(_ code: WebSocketCloseCode?, _ error: StreamError?)
}

extension WebSocketDelegate {
  public func webSocketDidFail(_ error: WebSocketError) {}
}

/// One end of an established WebSocket (RFC 6455) over a stream: whole messages in and out,
/// pings answered, the closing handshake made.
///
/// Frames sent during a read callback are gathered into one write. While the peer reads nothing,
/// its pings are not answered: it has to wait for the pongs before them.
public final class WebSocketConnection: ByteStreamDelegate {
  /// Held strongly until the connection has closed.
  public var delegate: (any WebSocketDelegate)?
  private let stream: any ByteStream
  private var decoder: WebSocketDecoder
  private var assembler = WebSocketMessageAssembler()
  private var outbox = ByteBuffer()
  private var keys: MaskingKeySource?
  private var isGathering = false
  private var sentClose = false
  private var peerHasClosed = false
  private var peerCode: WebSocketCloseCode?
  private var closeTimer: Timer?
  private var onClosed: (() -> Void)?
  private var isPaused = false

  /// After our Close, so long for the peer's.
  static let closeTimeoutMs: UInt64 = 2_000
  /// A payload from this size on is not copied into the outbox.
  static let directBytes = 16 * 1024
  /// Frames are gathered up to about this size; what is more shows as congestion.
  static let gatheredBytes = 64 * 1024

  /// Takes over an upgraded stream. A client gives the seed of its masking keys.
  public init(
    stream: any ByteStream, role: WebSocketRole, maxMessageBytes: Int, maskSeed: UInt64? = nil,
    delegate: any WebSocketDelegate, onClosed: (() -> Void)? = nil
  ) {
    precondition((role == .client) == (maskSeed != nil), "clients mask, servers do not")
    self.stream = stream
    self.delegate = delegate
    self.onClosed = onClosed
    decoder = WebSocketDecoder(role: role, maxMessageBytes: maxMessageBytes)
    keys = maskSeed.map { MaskingKeySource(seed: $0) }
  }

  /// Starts with what came behind the handshake (`HTTPUpgrade.leftover`, `.peerHasEnded`).
  public func start(leftover: consuming ByteBuffer, peerHasEnded: Bool = false) {
    stream.delegate = self
    if !isPaused { stream.resumeReading() }
    if !leftover.isEmpty { leftover.withMutableReadable { streamDidReceive($0) } }
    if peerHasEnded { streamDidEnd() }
  }

  public var loop: Loop { stream.loop }
  public var pendingByteCount: Int { stream.pendingByteCount }
  public var isCongested: Bool { stream.isCongested }
  /// No more can be sent.
  public var isClosing: Bool { sentClose || stream.isClosing }

  /// Whether the peer has sent something, or its end, that was not read yet: one system call.
  public var hasUnreadInput: Bool { stream.hasUnreadInput }

  // MARK: Receiving

  public func pauseReading() {
    isPaused = true
    stream.pauseReading()
  }

  public func resumeReading() {
    isPaused = false
    stream.resumeReading()
  }

  public func streamDidReceive(_ bytes: UnsafeMutableRawBufferPointer) {
    isGathering = true
    var offset = 0
    do throws(WebSocketError) {
      while !stream.isClosing, let event = try decoder.next(bytes, from: &offset) { handle(event) }
    } catch {
      fail(error)
    }
    isGathering = false
    flush()
    assembler.release()
  }

  private func handle(_ event: WebSocketEvent) {
    switch event {
    case .messageChunk(let opcode, let chunk, let isFinal):
      if let message = assembler.add(chunk, isFinal: isFinal) {
        delegate?.webSocketDidReceive(opcode, message)
      }
    case .ping(let payload): if !sentClose && !stream.isCongested { append(.pong, payload) }
    case .pong: break
    case .close(let code, _): peerDidClose(code)
    }
  }

  private func peerDidClose(_ code: WebSocketCloseCode?) {
    peerHasClosed = true
    peerCode = code
    if !sentClose {
      sentClose = true
      WebSocketEncoder.appendClose(code, maskingKey: keys?.next(), to: &outbox)
    }
    flush()
    endAfterClose()
  }

  private func fail(_ error: WebSocketError) {
    if sentClose { return stream.close() }
    sentClose = true
    WebSocketEncoder.appendClose(error, maskingKey: keys?.next(), to: &outbox)
    flush()
    endAfterClose()
    delegate?.webSocketDidFail(error)
  }

  /// Both Close frames are on their way: the server ends the connection (RFC 6455 §7.1.1).
  private func endAfterClose() {
    stream.endWriting()
    if keys == nil && stream.pendingByteCount == 0 && peerHasClosed { return stream.close() }
    startCloseTimer()
  }

  private func startCloseTimer() {
    if closeTimer != nil { return }
    closeTimer = stream.loop.after(ms: Self.closeTimeoutMs) { [weak self] in
      self?.closeTimer = nil
      self?.stream.close()
    }
  }

  // MARK: Sending

  /// Sends a message. Ignored once closing.
  public func send(_ opcode: WebSocketOpcode, _ payload: UnsafeRawBufferPointer) {
    send(opcode, UnsafeRawBufferPointer(start: nil, count: 0), payload)
  }

  /// Sends a message made of two parts, such as an envelope's head and its payload.
  public func send(
    _ opcode: WebSocketOpcode, _ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer
  ) {
    if isClosing { return }
    if let key = keys?.next() {
      appendMasked(opcode, first, second, key)
      flushUnlessGathering()
      return
    }
    WebSocketEncoder.appendHeader(opcode, payloadCount: first.count + second.count, to: &outbox)
    outbox.append(first)
    if second.count >= Self.directBytes {
      flush()
      stream.write(second)
    } else {
      outbox.append(second)
      flushUnlessGathering()
    }
  }

  private func appendMasked(
    _ opcode: WebSocketOpcode, _ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer,
    _ key: UInt32
  ) {
    let count = first.count + second.count
    WebSocketEncoder.appendHeader(opcode, payloadCount: count, maskingKey: key, to: &outbox)
    outbox.append(uninitialized: count) { room in
      var mask = WebSocketMask(key: key)
      mask.copy(first, to: UnsafeMutableRawBufferPointer(rebasing: room[..<first.count]))
      mask.copy(second, to: UnsafeMutableRawBufferPointer(rebasing: room[first.count...]))
      return count
    }
  }

  private func append(_ opcode: WebSocketOpcode, _ payload: UnsafeRawBufferPointer) {
    WebSocketEncoder.appendFrame(opcode, payload, maskingKey: keys?.next(), to: &outbox)
    flushUnlessGathering()
  }

  /// Sends what `body` sends in one write.
  public func gather(_ body: () -> Void) {
    if isGathering { return body() }
    isGathering = true
    body()
    isGathering = false
    flush()
  }

  /// Sends a Ping. Precondition: at most 125 bytes.
  public func ping(_ payload: UnsafeRawBufferPointer = .init(start: nil, count: 0)) {
    if isClosing { return }
    append(.ping, payload)
  }

  private func flushUnlessGathering() {
    if !isGathering || outbox.count >= Self.gatheredBytes { flush() }
  }

  private func flush() {
    if outbox.isEmpty { return }
    stream.write(outbox)
    outbox.clear(keepingCapacity: StreamLimits.keptQueueBytes)
  }

  /// Starts the closing handshake. Idempotent.
  public func close(_ code: WebSocketCloseCode, reason: String = "") {
    if isClosing { return }
    sentClose = true
    WebSocketEncoder.appendClose(code, reason: reason, maskingKey: keys?.next(), to: &outbox)
    flush()
    startCloseTimer()
  }

  /// Drops the connection without a handshake.
  public func abort() { stream.close() }

  // MARK: The stream's end

  public func streamDidDrain() { delegate?.webSocketDidDrain() }

  /// A client that has ended its direction may still read what is on its way to it.
  public func streamDidEnd() {
    if keys != nil || stream.pendingByteCount == 0 { return stream.close() }
    sentClose = true
    stream.endWriting()
    startCloseTimer()
  }

  public func streamDidClose(_ error: StreamError?) {
    closeTimer?.cancel()
    closeTimer = nil
    let last = delegate
    delegate = nil
    onClosed?()
    onClosed = nil
    last?.webSocketDidClose(peerCode, error)
  }
}
