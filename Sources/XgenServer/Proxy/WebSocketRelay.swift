internal import Reactor

/// Passes frames between a client and a sandbox's sidecar, verbatim: a client's are masked, as
/// the sidecar wants them; a sidecar's are not, as the client wants them.
///
/// Heads are validated where they lie in the read buffer. Each direction stops reading while the
/// other side's write queue is above its high mark, so that a slow peer slows its own sender only.
@LoopActor
final class WebSocketRelay: Hashable {
  /// Who opened it.
  let caller: Principal
  private let client: RelaySide
  private let sidecar: RelaySide
  private let onEnd: (WebSocketRelay) -> Void
  /// Told what the sidecar did against the protocol.
  private let onFault: (_ reason: String) -> Void
  private let clientDidClose: () -> Void
  private let bytes: RelayBytes
  private var openSides = 2

  init(
    client: HTTPUpgrade, sidecar: HTTPUpgrade, caller: Principal, bytes: RelayBytes,
    endTimeoutMs: UInt64 = Limits.relayEndMs, onFault: @escaping (_ reason: String) -> Void,
    onEnd: @escaping (WebSocketRelay) -> Void
  ) {
    self.caller = caller
    self.client = RelaySide(client, role: .server, endTimeoutMs: endTimeoutMs)
    self.sidecar = RelaySide(sidecar, role: .client, endTimeoutMs: endTimeoutMs)
    self.bytes = bytes
    self.onFault = onFault
    self.onEnd = onEnd
    clientDidClose = client.didClose
    self.client.connect(to: self.sidecar, of: self)
    self.sidecar.connect(to: self.client, of: self)
  }

  func start() {
    sidecar.start()
    client.start()
  }

  /// Ends the relay from our side: a Close to the client where a frame may stand, then the end.
  func end(_ code: WebSocketCloseCode, _ reason: String) {
    client.finish(code, reason)
    sidecar.finish(.goingAway, "")
  }

  /// Gives up a pair whose peer has stopped inside a frame.
  func checkStall() {
    for side in [client, sidecar] where side.hasStalled {
      end(.policyViolation, "a frame was begun and not finished")
    }
  }

  /// Bytes of frames that were passed on, both ways together.
  var relayedByteCount: UInt64 { client.receivedByteCount + sidecar.receivedByteCount }

  /// Why the client's connection ended, once it has: the code that we gave it; 1005 (RFC 6455
  /// §7.1.5) where the peers said Close to each other; 1006 where the client was lost.
  private(set) var closeCode = WebSocketCloseCode.noStatus

  /// Bytes that wait for both peers together.
  var pendingByteCount: Int { client.pendingByteCount + sidecar.pendingByteCount }

  /// A side sent what no WebSocket peer may: it is told so, the other one is not to blame.
  fileprivate func sideDidFail(_ side: RelaySide, _ failure: WebSocketError) {
    let reason = failure.reason.description
    side.finish(failure.closeCode, reason)
    if side === client { return sidecar.finish(.goingAway, "") }
    if failure == .messageTooBig { return client.finish(.messageTooBig, "the message is too big") }
    client.finish(.internalError, "the sandbox broke the protocol")
    onFault("the sidecar broke the WebSocket protocol: \(reason)")
  }

  fileprivate func sideDidForward(_ side: RelaySide, _ count: Int) {
    if side === client {
      bytes.toSandbox += UInt64(count)
    } else {
      bytes.toClient += UInt64(count)
    }
  }

  fileprivate func sideDidClose(_ side: RelaySide) {
    openSides -= 1
    if side === sidecar {
      client.finish(.internalError, "the sandbox's connection was lost")
    } else {
      let saidClose = client.sawClose || sidecar.sawClose
      closeCode = client.ownCloseCode ?? (saidClose ? .noStatus : .abnormal)
      clientDidClose()
      sidecar.finish(.goingAway, "")
    }
    if openSides == 0 { onEnd(self) }
  }

  nonisolated static func == (left: WebSocketRelay, right: WebSocketRelay) -> Bool {
    left === right
  }

  nonisolated func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
}

/// One socket of a relay: what it reads goes to the other one.
@LoopActor
private final class RelaySide: @preconcurrency ByteStreamDelegate {
  private let stream: any ByteStream
  private let role: WebSocketRole
  /// Follows what this side sends.
  private var scanner: WebSocketFrameScanner
  /// The start of a frame head that a read cut, at most 13 bytes.
  private var held: [UInt8] = []
  private var leftover = ByteBuffer()
  private let peerHadEnded: Bool
  private unowned var other: RelaySide!
  private var relay: WebSocketRelay?
  /// A Close has been written to this side; nothing may follow it.
  private var wroteClose = false
  private var lastReadMs: UInt64
  private var isPaused = false
  private var peerEnded = false
  private var endTimer: Timer?
  private var endTimerCount = 0
  /// What came from this side and was passed on.
  private(set) var receivedByteCount: UInt64 = 0
  /// With which we ended it, if the peers did not.
  private(set) var ownCloseCode: WebSocketCloseCode?

  private let endTimeoutMs: UInt64
  /// A peer that takes a byte now and then does not hold up the server's end for longer.
  private static let maxEndTimers = 5

  init(_ upgrade: HTTPUpgrade, role: WebSocketRole, endTimeoutMs: UInt64) {
    self.endTimeoutMs = endTimeoutMs
    stream = upgrade.stream
    self.role = role
    let isSidecar = role == .client
    scanner = WebSocketFrameScanner(
      role: role,
      maxMessageBytes: isSidecar ? Limits.maxSidecarMessageBytes : Limits.maxMessageBytes)
    swap(&leftover, &upgrade.leftover)
    peerHadEnded = upgrade.peerHasEnded
    lastReadMs = upgrade.stream.loop.nowMs
  }

  func connect(to other: RelaySide, of relay: WebSocketRelay) {
    self.other = other
    self.relay = relay
  }

  var pendingByteCount: Int { stream.pendingByteCount }
  /// The peer has said Close.
  var sawClose: Bool { scanner.sawClose }

  func start() {
    stream.delegate = self
    var first = ByteBuffer()
    swap(&first, &leftover)
    if !first.isEmpty { first.withMutableReadable { streamDidReceive($0) } }
    if peerHadEnded { streamDidEnd() }
    if !isPaused { stream.resumeReading() }
  }

  // MARK: Forwarding

  func streamDidReceive(_ bytes: UnsafeMutableRawBufferPointer) {
    lastReadMs = stream.loop.nowMs
    if held.isEmpty { return forward(UnsafeRawBufferPointer(bytes)) }
    let joined = held + bytes
    held.removeAll(keepingCapacity: true)
    joined.withUnsafeBytes { forward($0) }
  }

  private func forward(_ bytes: UnsafeRawBufferPointer) {
    let result = scanner.scan(bytes)
    if result.forwardCount > 0 {
      receivedByteCount += UInt64(result.forwardCount)
      other.write(bytes, result)
      relay?.sideDidForward(self, result.forwardCount)
    }
    if result.heldCount > 0 { held.append(contentsOf: bytes.suffix(result.heldCount)) }
    if let failure = result.failure {
      relay?.sideDidFail(self, failure)
    } else if other.stream.isCongested {
      isPaused = true
      stream.pauseReading()
    }
  }

  private func write(_ bytes: UnsafeRawBufferPointer, _ result: WebSocketScanResult) {
    if wroteClose { return }
    stream.write(UnsafeRawBufferPointer(rebasing: bytes[..<result.forwardCount]))
    if result.sawClose {
      wroteClose = true
      endIfBothClosed()
    }
  }

  func streamDidDrain() {
    guard other.isPaused else { return }
    other.isPaused = false
    other.stream.resumeReading()
  }

  /// Stopped inside a frame by itself, not by our backpressure.
  var hasStalled: Bool {
    !isPaused && (!scanner.isAtFrameBoundary || !held.isEmpty) && !scanner.sawClose
      && stream.loop.nowMs - lastReadMs > Limits.frameStallMs
  }

  // MARK: Ends

  /// A Close went both ways: the server of each connection ends it (RFC 6455 §7.1.1).
  private func endIfBothClosed() {
    if scanner.sawClose && wroteClose { endAfterPending() }
  }

  private func endAfterPending() {
    stream.endWriting()
    if peerEnded && stream.pendingByteCount == 0 { stream.close() } else { startEndTimer() }
  }

  /// Says Close to this side if no frame is open towards it, and ends our direction.
  func finish(_ code: WebSocketCloseCode, _ reason: String) {
    if stream.isClosing { return }
    if !wroteClose {
      wroteClose = true
      ownCloseCode = code
      if other.scanner.isAtFrameBoundary { writeClose(code, reason) }
    }
    if isPaused {
      isPaused = false
      stream.resumeReading()
    }
    endAfterPending()
  }

  private func writeClose(_ code: WebSocketCloseCode, _ reason: String) {
    var out = ByteBuffer()
    // Towards the sidecar we are the client, whose frames are masked.
    let key: UInt32? = role == .client ? 0x1B2C_3D4E : nil
    WebSocketEncoder.appendClose(code, reason: reason, maskingKey: key, to: &out)
    stream.write(out)
  }

  /// Closes when the peer has had its time; a slow one that still takes bytes gets more.
  private func startEndTimer() {
    if endTimer != nil || stream.isClosing { return }
    let pending = stream.pendingByteCount
    endTimerCount += 1
    endTimer = stream.loop.after(ms: endTimeoutMs) { [weak self] in
      guard let self else { return }
      endTimer = nil
      let isTaking = stream.pendingByteCount > 0 && stream.pendingByteCount < pending
      if isTaking && endTimerCount < Self.maxEndTimers { startEndTimer() } else { stream.close() }
    }
  }

  /// After its Close, or while bytes are on their way to it, a client may have ended its own
  /// direction alone.
  func streamDidEnd() {
    peerEnded = true
    let awaitsClose = scanner.sawClose && !wroteClose
    let isTaking = stream.pendingByteCount > 0
    if role == .server && (awaitsClose || isTaking) { startEndTimer() } else { stream.close() }
  }

  func streamDidClose(_ error: StreamError?) {
    endTimer?.cancel()
    endTimer = nil
    let relay = self.relay
    self.relay = nil
    relay?.sideDidClose(self)
  }
}
