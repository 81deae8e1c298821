public import Reactor

/// TLS over any stream, as server or as client by its context's role.
///
/// Flow control passes through both ways: what the owner does not read is left in the stream
/// below (and, of the read that was under way, here), and `pendingByteCount` tells what waits
/// there. A failure sends its alert and lingers for the peer to read it.
public final class TLSStream: ByteStream {
  public unowned let loop: Loop
  /// Held strongly until the stream has closed.
  public var delegate: (any ByteStreamDelegate)?
  public let engine: TLSEngine
  private let lower: any ByteStream
  private var isReading = false
  private var hasEnded = false
  private var lowerHasEnded = false
  private var hasClosed = false
  private var endsWriting = false
  private var wasCongested = false
  /// The peer makes us answer (key updates, refused renegotiations) and does not read it.
  private var waitsForDrain = false
  /// Written before the handshake's end.
  private var early = ByteBuffer()
  private var failure: StreamError?
  /// The handshake's limit, then none, then a failure's.
  private var deadline: Timer?
  private var resumption: Timer?

  static let handshakeTimeout = StreamError.timedOut("TLS handshake")

  /// Takes over a stream and starts the handshake, after which `streamDidConnect` follows.
  public init(
    over lower: any ByteStream, _ context: TLSContext, serverName: String? = nil,
    resuming session: TLSSession? = nil, handshakeMs: UInt64 = TLSLimits.handshakeMs
  ) {
    self.lower = lower
    loop = lower.loop
    engine = TLSEngine(context, serverName: serverName, resuming: session)
    lower.delegate = self
    deadline = loop.after(ms: handshakeMs) { [weak self] in self?.close(Self.handshakeTimeout) }
    if context.role == .client { advance() }
    updateReading()
  }

  public var isEncrypted: Bool { true }
  public var peerAddress: SocketAddress? { lower.peerAddress }
  public var isClosing: Bool { hasClosed || failure != nil || lower.isClosing }
  public var isConnecting: Bool { engine.state == .handshake }
  public var hasUnreadInput: Bool {
    engine.keptByteCount > 0 || engine.hasUnread || lower.hasUnreadInput
  }
  public var pendingByteCount: Int { early.count + lower.pendingByteCount }

  // MARK: Reading

  public func resumeReading() {
    if isReading || hasEnded || isClosing { return }
    isReading = true
    if engine.state != .handshake && engine.hasUnread || lowerHasEnded { resumeSoon() }
    updateReading()
  }

  /// What was kept is read in a turn of its own: the owner is never called from its own call.
  private func resumeSoon() {
    if resumption != nil { return }
    resumption = loop.after(ms: 0) { [weak self] in
      self?.resumption = nil
      self?.advance()
    }
  }

  public func pauseReading() {
    if !isReading || isClosing { return }
    isReading = false
    updateReading()
  }

  private func updateReading() {
    if lower.isClosing || failure != nil { return }
    let isWanted =
      engine.state == .handshake
      || isReading && !hasEnded && resumption == nil && engine.keptByteCount == 0
    if isWanted && !waitsForDrain { lower.resumeReading() } else { lower.pauseReading() }
  }

  /// Goes on with what there is to read: the handshake first, then plaintext.
  private func advance() {
    if isClosing { return }
    do throws(TLSError) {
      if engine.state == .handshake {
        let isOpen = try engine.handshake()
        flush()
        if isOpen { try didOpen() }
      }
      if engine.state != .handshake { try deliver() }
      if lowerHasEnded && !isClosing && (isReading || engine.state == .handshake) {
        try engine.inputDidEnd()
      }
    } catch {
      return fail(.tls(error))
    }
    flushAnswers()
    updateReading()
  }

  private func didOpen() throws(TLSError) {
    deadline?.cancel()
    deadline = nil
    var words = ByteBuffer()
    swap(&words, &early)
    try words.withReadable { bytes throws(TLSError) in try encrypt(bytes) }
    if isClosing { return }
    if endsWriting { shutDownWriting() }
    delegate?.streamDidConnect()
    if wasCongested && !isClosing && pendingByteCount <= StreamLimits.lowWaterBytes {
      wasCongested = false
      delegate?.streamDidDrain()
    }
  }

  private func deliver() throws(TLSError) {
    // Behind the part that the socket below reads into.
    let start = StreamLimits.readBytes
    let room = UnsafeMutableRawBufferPointer(
      rebasing: loop.readBuffer[start..<start + TLSLimits.plaintextBytes])
    while isReading && !isClosing {
      switch try engine.read(into: room) {
      case .bytes(let count):
        delegate?.streamDidReceive(UnsafeMutableRawBufferPointer(rebasing: room[..<count]))
      case .needsInput: return
      case .ended:
        isReading = false
        hasEnded = true
        delegate?.streamDidEnd()
      }
    }
  }

  // MARK: Writing

  public func write(_ bytes: UnsafeRawBufferPointer) {
    if isClosing || endsWriting || bytes.isEmpty { return }
    if engine.state == .handshake {
      early.append(bytes)
      if early.count > StreamLimits.highWaterBytes { wasCongested = true }
      return
    }
    do throws(TLSError) { try encrypt(bytes) } catch { fail(.tls(error)) }
  }

  private func encrypt(_ bytes: UnsafeRawBufferPointer) throws(TLSError) {
    var offset = 0
    while offset < bytes.count && !isClosing {
      let end = min(bytes.count, offset + TLSLimits.writeBytes)
      try engine.write(UnsafeRawBufferPointer(rebasing: bytes[offset..<end]))
      flush()
      offset = end
    }
  }

  private func flush() { engine.takeOutput { lower.write($0) } }

  /// Sends what the peer's records, not the owner, made the engine say. A peer that does not read
  /// it is not read from, or it could fill our memory.
  private func flushAnswers() {
    if !engine.hasOutput { return }
    flush()
    if lower.isCongested { waitsForDrain = true }
  }

  public func endWriting() {
    if isClosing || endsWriting { return }
    endsWriting = true
    if engine.state != .handshake { shutDownWriting() }
  }

  private func shutDownWriting() {
    engine.shutDown()
    flush()
    lower.endWriting()
  }

  // MARK: Ends

  public func close(_ error: StreamError?) {
    if hasClosed { return }
    hasClosed = true
    if failure == nil && error == nil && !lower.isClosing {
      engine.shutDown()
      flush()
    }
    lower.close(failure ?? error)
  }

  /// Sends the alert, ends our direction and drops what still comes, so that the peer reads the
  /// alert instead of a reset.
  private func fail(_ error: StreamError) {
    if isClosing { return }
    flush()
    failure = error
    if lowerHasEnded || lower.isClosing { return close(error) }
    lower.endWriting()
    lower.resumeReading()
    deadline?.cancel()
    deadline = loop.after(ms: TLSLimits.lingerMs) { [weak self] in self?.close(error) }
  }
}

// MARK: The stream below

extension TLSStream: ByteStreamDelegate {
  public func streamDidReceive(_ bytes: UnsafeMutableRawBufferPointer) {
    if isClosing { return }
    engine.withInput(UnsafeRawBufferPointer(bytes)) { advance() }
    updateReading()
  }

  public func streamDidEnd() {
    lowerHasEnded = true
    if failure != nil { return close(failure) }
    advance()
  }

  public func streamDidDrain() {
    waitsForDrain = false
    updateReading()
    if engine.state != .handshake && failure == nil { delegate?.streamDidDrain() }
  }

  public func streamDidClose(_ error: StreamError?) {
    hasClosed = true
    deadline?.cancel()
    deadline = nil
    resumption?.cancel()
    resumption = nil
    early.clear(keepingCapacity: 0)
    let last = delegate
    delegate = nil
    last?.streamDidClose(failure ?? error)
  }
}
