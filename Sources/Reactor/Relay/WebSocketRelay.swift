// Over 250 lines: a relay has one state, and every event that moves it stands here.
internal import CUV

/// Passes frames between a WebSocket's client and its upstream, verbatim: a client's are masked,
/// as the upstream wants them; an upstream's are not, as the client wants them.
///
/// Heads are validated where they lie in the read buffer. Each direction stops reading while the
/// other side's write queue is above its high mark, so that a slow peer slows its own sender only.
/// A readiness costs one read and one write, and no allocation or closure; an idle relay is this
/// object and two `uv_poll_t`.
public final class WebSocketRelay: Hashable {
  public let owner: any WebSocketRelayOwner
  private let loop: Loop
  private let settings: WebSocketRelaySettings
  private let total: RelayedBytes
  private let clientDidClose: () -> Void
  /// Client and upstream, in one block: they are changed in place, without a check each.
  private let ends: RelayEnds
  /// Which of two callbacks is the client's.
  private let clientPoll: UnsafeMutablePointer<uv_poll_t>?
  private var ending: RelayEnding?
  private var openCount: UInt8 = 2
  /// Why the client's connection ended, once it has: the code that we gave it; 1005 (RFC 6455
  /// §7.1.5) where the peers said Close to each other; 1006 where the client was lost.
  public private(set) var closeCode = WebSocketCloseCode.noStatus

  /// Takes over both connections, their handshakes done.
  public init(
    client: HTTPUpgrade, upstream: HTTPUpgrade, settings: WebSocketRelaySettings,
    total: RelayedBytes, owner: any WebSocketRelayOwner
  ) {
    loop = client.stream.loop
    self.settings = settings
    self.total = total
    self.owner = owner
    clientDidClose = client.didClose
    ends = RelayEnds(
      client: RelayEnd(client, .client, maxMessageBytes: settings.maxClientMessageBytes),
      upstream: RelayEnd(upstream, .upstream, maxMessageBytes: settings.maxUpstreamMessageBytes))
    clientPoll = ends[.client].port.poll
    ends[.client].port.attach(to: self)
    ends[.upstream].port.attach(to: self)
  }

  deinit { ends.deallocate() }

  /// Passes on what came behind the handshakes, and begins to read. Once, after `init`, with the
  /// same two.
  public func start(client: HTTPUpgrade, upstream: HTTPUpgrade) {
    start(.upstream, upstream)
    sendHeld()
    start(.client, client)
  }

  private func start(_ side: RelaySide, _ upgrade: HTTPUpgrade) {
    if !upgrade.leftover.isEmpty {
      upgrade.leftover.withReadable { forward($0, from: side) }
    }
    if ends[side].peerEnded { didEnd(side) }
    if !ends[side].isPaused { ends[side].port.resumeReading() }
  }

  /// The answer to the opening goes out together with the upstream's first frames.
  private func sendHeld() {
    if ends[.client].port.hasHeldWrites, ends[.client].port.flush(loop.buffers) {
      didDrain(.client)
    }
    ends[.client].port.watch()
    if ends[.client].port.isDead { close(.client) }
  }

  /// Ends the relay from our side: a Close to the client where a frame may stand, then the end.
  public func end(_ code: WebSocketCloseCode, _ reason: String) {
    finish(.client, code, reason)
    finish(.upstream, .goingAway, "")
  }

  /// Gives up a pair whose peer has stopped inside a frame. To be called now and then.
  public func checkStall() {
    let (nowMs, afterMs) = (loop.nowMs, settings.frameStallMs)
    if ends[.client].hasStalled(nowMs: nowMs, afterMs: afterMs)
      || ends[.upstream].hasStalled(nowMs: nowMs, afterMs: afterMs)
    {
      end(.policyViolation, "a frame was begun and not finished")
    }
  }

  /// Bytes of frames that were passed on, both ways together.
  public var relayedByteCount: UInt64 {
    ends[.client].receivedByteCount + ends[.upstream].receivedByteCount
  }

  /// Bytes that wait for both peers together.
  public var pendingByteCount: Int {
    ends[.client].port.pendingByteCount + ends[.upstream].port.pendingByteCount
  }

  // MARK: Forwarding

  /// libuv's callback for either socket.
  static func ready(_ handle: UnsafeMutablePointer<uv_poll_t>, _ status: Int32, _ events: Int32) {
    // The handle holds the relay until its close callback, which never runs within this one.
    Unmanaged<WebSocketRelay>.fromOpaque(handle.pointee.data)._withUnsafeGuaranteedRef {
      $0.didBecomeReady($0.clientPoll == handle ? .client : .upstream, status, events)
    }
  }

  private func didBecomeReady(_ side: RelaySide, _ status: Int32, _ told: Int32) {
    if ends[side].port.isClosing { return }
    let events = ends[side].port.noteReady(status, told)
    if events.contains(.writable), ends[side].port.flush(loop.buffers) { didDrain(side) }
    if events.contains(.readable), !ends[side].isPaused { read(side) }
    if status < 0 { ends[side].port.watch() }
    if ends[side].port.isDead { close(side) }
  }

  private func read(_ side: RelaySide) {
    let room = loop.readBuffer
    switch ends[side].port.read(into: room) {
    case .bytes(let count):
      let held = ends[side].held.putBefore(room.baseAddress!)
      forward(
        UnsafeRawBufferPointer(start: room.baseAddress! - held, count: held + count), from: side)
    case .nothing: break
    case .end: didEnd(side)
    case .failed: close(side)
    }
  }

  /// The bytes of a stream lie elsewhere, without room before them.
  func didReceiveFromStream(_ bytes: UnsafeRawBufferPointer, _ side: RelaySide) {
    if ends[side].held.count == 0 { return forward(bytes, from: side) }
    let whole = loop.buffers.take()
    ends[side].held.append(to: &whole.bytes)
    whole.bytes.append(bytes)
    whole.bytes.withReadable { forward($0, from: side) }
    loop.buffers.give(whole)
  }

  private func forward(_ bytes: UnsafeRawBufferPointer, from side: RelaySide) {
    ends[side].lastReadMs = loop.nowMs
    let result = ends[side].scanner.scan(bytes)
    var isCongested = false
    if result.forwardCount > 0 {
      count(result.forwardCount, from: side)
      let frames = UnsafeRawBufferPointer(rebasing: bytes[..<result.forwardCount])
      isCongested = write(frames, to: side.other, sawClose: result.sawClose)
    }
    if result.heldCount > 0 {
      ends[side].held.hold(UnsafeRawBufferPointer(rebasing: bytes.suffix(result.heldCount)))
    }
    if let failure = result.failure {
      didFail(side, failure)
    } else if isCongested {
      ends[side].isPaused = true
      ends[side].port.pauseReading()
    }
  }

  @inline(__always)
  private func count(_ byteCount: Int, from side: RelaySide) {
    ends[side].receivedByteCount += UInt64(byteCount)
    if side == .client {
      total.toUpstream += UInt64(byteCount)
    } else {
      total.toClient += UInt64(byteCount)
    }
  }

  /// True if the side is congested.
  private func write(
    _ frames: UnsafeRawBufferPointer, to side: RelaySide, sawClose: Bool
  ) -> Bool {
    if ends[side].wroteClose { return false }
    let isCongested = ends[side].port.write(frames, loop.buffers)
    if ends[side].port.isDead {
      close(side)
      return false
    }
    if sawClose {
      ends[side].wroteClose = true
      endIfBothClosed(side)
    }
    return isCongested
  }

  func didDrain(_ side: RelaySide) {
    guard ends[side.other].isPaused else { return }
    ends[side.other].isPaused = false
    ends[side.other].port.resumeReading()
  }

  // MARK: Ends

  /// A side sent what no WebSocket peer may: it is told so, the other one is not to blame.
  private func didFail(_ side: RelaySide, _ failure: WebSocketError) {
    let reason = failure.reason.description
    finish(side, failure.closeCode, reason)
    if side == .client { return finish(.upstream, .goingAway, "") }
    if failure == .messageTooBig {
      return finish(.client, .messageTooBig, "the message is too big")
    }
    finish(.client, .internalError, settings.brokenReason)
    owner.relay(self, upstreamBroke: reason)
  }

  /// A Close went both ways: the server of each connection ends it (RFC 6455 §7.1.1).
  private func endIfBothClosed(_ side: RelaySide) {
    if ends[side].scanner.sawClose && ends[side].wroteClose { endAfterPending(side) }
  }

  private func endAfterPending(_ side: RelaySide) {
    ends[side].port.endWriting()
    if ends[side].peerEnded && ends[side].port.pendingByteCount == 0 {
      close(side)
    } else {
      setDeadline(side)
    }
  }

  /// Says Close to a side if no frame is open towards it, and ends our direction.
  private func finish(_ side: RelaySide, _ code: WebSocketCloseCode, _ reason: String) {
    if ends[side].port.isClosing { return }
    if !ends[side].wroteClose {
      ends[side].wroteClose = true
      ends[side].ownCloseCode = code
      if ends[side.other].scanner.isAtFrameBoundary { writeClose(side, code, reason) }
    }
    if ends[side].isPaused {
      ends[side].isPaused = false
      ends[side].port.resumeReading()
    }
    endAfterPending(side)
  }

  private func writeClose(_ side: RelaySide, _ code: WebSocketCloseCode, _ reason: String) {
    var out = ByteBuffer()
    // Towards the upstream we are the client, whose frames are masked.
    let key: UInt32? = side == .upstream ? 0x1B2C_3D4E : nil
    WebSocketEncoder.appendClose(code, reason: reason, maskingKey: key, to: &out)
    out.withReadable { _ = ends[side].port.write($0, loop.buffers) }
  }

  /// After its Close, or while bytes are on their way to it, a client may have ended its own
  /// direction alone.
  func didEnd(_ side: RelaySide) {
    ends[side].peerEnded = true
    let awaitsClose = ends[side].scanner.sawClose && !ends[side].wroteClose
    let isTaking = ends[side].port.pendingByteCount > 0
    guard side == .client && (awaitsClose || isTaking) else { return close(side) }
    setDeadline(side)
    ends[side].port.watch()  // no longer for what it sends
  }

  private func close(_ side: RelaySide) {
    ending?.clear(side)
    ends[side].port.close(loop.buffers)
  }

  /// libuv has let go of a socket's handle.
  static func closed(_ handle: UnsafeMutablePointer<uv_handle_t>) {
    let reference = Unmanaged<WebSocketRelay>.fromOpaque(handle.pointee.data)
    let relay = reference.takeRetainedValue()
    let poll = UnsafeMutableRawPointer(handle).assumingMemoryBound(to: uv_poll_t.self)
    let side: RelaySide = relay.clientPoll == poll ? .client : .upstream
    relay.loop.freeHandle(poll)
    relay.didClose(side)
  }

  func didClose(_ side: RelaySide) {
    openCount -= 1
    ending?.clear(side)
    ends[side].port.didClose()
    if side == .upstream {
      finish(.client, .internalError, settings.lostReason)
    } else {
      let saidClose = ends[.client].scanner.sawClose || ends[.upstream].scanner.sawClose
      closeCode = ends[.client].ownCloseCode ?? (saidClose ? .noStatus : .abnormal)
      clientDidClose()
      finish(.upstream, .goingAway, "")
    }
    if openCount > 0 { return }
    ending?.timer?.cancel()
    ending = nil
    owner.relayDidEnd(self)
  }

  // MARK: Time

  /// From now on the peer has its time to take what is pending and to close.
  private func setDeadline(_ side: RelaySide) {
    if ends[side].port.isClosing { return }
    let ending = self.ending ?? RelayEnding()
    self.ending = ending
    ending.set(
      side, atMs: loop.nowMs + settings.endMs, pending: ends[side].port.pendingByteCount)
    setTimer(ending)
  }

  private func setTimer(_ ending: RelayEnding) {
    if ending.timer != nil || ending.nextMs == .max { return }
    let nowMs = loop.nowMs
    ending.timer = loop.after(ms: ending.nextMs > nowMs ? ending.nextMs - nowMs : 0) { [self] in
      ending.timer = nil
      checkDeadlines(ending)
    }
  }

  private func checkDeadlines(_ ending: RelayEnding) {
    for side in [RelaySide.client, .upstream] where !ends[side].port.isClosing {
      let pending = ends[side].port.pendingByteCount
      let isOver = ending.isOver(
        side, nowMs: loop.nowMs, pending: pending, extraMs: settings.endMs)
      if isOver { close(side) }
    }
    setTimer(ending)
  }

  public static func == (left: WebSocketRelay, right: WebSocketRelay) -> Bool { left === right }

  public func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
}
