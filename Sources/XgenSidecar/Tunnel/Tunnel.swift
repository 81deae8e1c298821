import Reactor

/// Bytes between the server and a port inside, as they come, both ways.
///
/// Each direction stops reading while the other side's write queue is above its high mark, and ends
/// by itself: a peer that has ended its direction is still answered. When one side is lost, what it
/// said before reaches the other one, which then has some time to close.
final class Tunnel {
  private let near: TunnelSide
  private let far: TunnelSide
  private let limits: SidecarLimits
  private let loop: Loop
  private let onEnd: (Tunnel) -> Void
  private var openSides = 2
  private var timer: Timer?
  /// Loop time of the last byte that came, from either side.
  fileprivate(set) var lastActivityMs: UInt64

  /// `near` is the server's connection, `far` the port's. `onEnd` runs once, when both have closed.
  init(
    near: HTTPUpgrade, far: SocketStream, limits: SidecarLimits,
    onEnd: @escaping (Tunnel) -> Void
  ) {
    loop = far.loop
    self.limits = limits
    self.onEnd = onEnd
    lastActivityMs = far.loop.nowMs
    self.near = TunnelSide(near.stream, onClosed: near.didClose)
    self.far = TunnelSide(far) {}
    self.near.connect(to: self.far, of: self)
    self.far.connect(to: self.near, of: self)
    far.write(near.leftover)
    self.near.start(peerHasEnded: near.peerHasEnded)
    self.far.start(peerHasEnded: false)
  }

  /// Closes both sides now. Idempotent.
  func close() {
    near.stream.close()
    far.stream.close()
  }

  fileprivate func sideDidEnd() {
    if near.isOver && far.isOver { closeWhenSent() } else { closeWhenSilent() }
  }

  /// Both peers have ended, or one is lost: what is on its way is all that is left. A peer that
  /// takes none of it for a while, or does not close when it has it, is not waited for.
  private func closeWhenSent() {
    let pending = pendingByteCount
    if pending == 0 && near.isOver && far.isOver { return close() }
    restartTimer(ms: limits.tunnelLingerMs) { [self] in
      if pendingByteCount < pending { closeWhenSent() } else { close() }
    }
  }

  /// One peer has ended: it may have gone, and the other may never notice.
  private func closeWhenSilent() {
    restartTimer(ms: limits.tunnelHalfOpenMs) { [self] in
      let isSilent = loop.nowMs - lastActivityMs >= limits.tunnelHalfOpenMs
      if isSilent { close() } else { closeWhenSilent() }
    }
  }

  /// Bytes that wait for either peer.
  var pendingByteCount: Int {
    near.stream.pendingByteCount + far.stream.pendingByteCount
  }

  fileprivate func sideDidClose(_ side: TunnelSide) {
    openSides -= 1
    if openSides > 0 {
      side.other.letGo()
      return closeWhenSent()
    }
    timer?.cancel()
    timer = nil
    onEnd(self)
  }

  private func restartTimer(ms: UInt64, _ body: @escaping () -> Void) {
    timer?.cancel()
    timer = loop.after(ms: ms) { [self] in
      timer = nil
      body()
    }
  }
}

/// One socket of a tunnel: what it reads goes to the other one.
private final class TunnelSide: ByteStreamDelegate {
  let stream: any ByteStream
  private let onClosed: () -> Void
  private(set) unowned var other: TunnelSide!
  /// Both are let go of when the stream has closed.
  private var tunnel: Tunnel?
  private var isPaused = false
  /// The other side takes no more: what comes is dropped.
  private var isLoose = false
  /// The peer has ended its direction.
  private(set) var hasEnded = false

  init(_ stream: any ByteStream, onClosed: @escaping () -> Void) {
    self.stream = stream
    self.onClosed = onClosed
  }

  func connect(to other: TunnelSide, of tunnel: Tunnel) {
    self.other = other
    self.tunnel = tunnel
  }

  func start(peerHasEnded: Bool) {
    stream.delegate = self
    if peerHasEnded { streamDidEnd() } else { stream.resumeReading() }
  }

  func streamDidReceive(_ bytes: UnsafeMutableRawBufferPointer) {
    tunnel?.lastActivityMs = stream.loop.nowMs
    if isLoose { return }
    other.stream.write(UnsafeRawBufferPointer(bytes))
    if other.stream.isCongested {
      isPaused = true
      stream.pauseReading()
    }
  }

  func streamDidDrain() {
    guard other.isPaused else { return }
    other.isPaused = false
    other.stream.resumeReading()
  }

  func streamDidEnd() {
    hasEnded = true
    other.stream.endWriting()
    tunnel?.sideDidEnd()
  }

  /// Nothing more comes from its peer.
  var isOver: Bool { hasEnded || stream.isClosing }

  /// The other side has closed: this side's peer learns of it by the end of our direction, and
  /// reads what came before.
  func letGo() {
    isLoose = true
    stream.endWriting()
    if isPaused { stream.resumeReading() }
  }

  func streamDidClose(_ error: StreamError?) {
    let tunnel = tunnel
    self.tunnel = nil
    onClosed()
    tunnel?.sideDidClose(self)
  }
}
