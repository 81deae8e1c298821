/// Two streams whose bytes go to each other as they are: what has left HTTP by an upgrade.
///
/// Each direction stops reading while the other stream's write queue is above its high mark. The
/// end of one direction is passed on as such; the pair is over when both have ended, when one of
/// the streams is lost, or when nothing moves for too long.
public final class StreamSplice {
  /// Called once when both streams have closed.
  public var onEnd: (() -> Void)?
  private let client: SpliceSide
  private let server: SpliceSide
  private let clientDidClose: () -> Void
  private let limits: UpstreamLimits
  private var openSides = 2

  init(client: HTTPUpgrade, server: HTTPUpgrade, limits: UpstreamLimits) {
    self.client = SpliceSide(client)
    self.server = SpliceSide(server)
    self.limits = limits
    clientDidClose = client.didClose
    self.client.connect(to: self.server, of: self)
    self.server.connect(to: self.client, of: self)
  }

  func start() {
    server.start()
    client.start()
  }

  /// Ends both now.
  public func abort() {
    client.stream.close()
    server.stream.close()
  }

  public var toServerByteCount: UInt64 { client.receivedByteCount }
  public var toClientByteCount: UInt64 { server.receivedByteCount }

  fileprivate func sideDidEnd() {
    if client.hasEnded && server.hasEnded { closeIfWritten() }
  }

  fileprivate func sideDidClose(_ side: SpliceSide) {
    openSides -= 1
    let other = side === client ? server : client
    // What came before the loss is still written.
    side.hasEnded = true
    other.hasEnded = true
    other.stream.endWriting()
    if openSides > 0 { return closeIfWritten() }
    clientDidClose()
    let end = onEnd
    onEnd = nil
    end?()
  }

  /// Both directions have ended: each stream closes once its last bytes are taken.
  private func closeIfWritten() {
    for side in [client, server] where side.stream.pendingByteCount == 0 { side.stream.close() }
  }

  /// Called by the pool's sweep.
  func checkDeadline(_ nowMs: UInt64) {
    let hasEnded = client.hasEnded || server.hasEnded
    if client.hasEnded && server.hasEnded { closeIfWritten() }
    client.noteTaken(nowMs)
    server.noteTaken(nowMs)
    let progressMs = max(client.progressMs, server.progressMs)
    let isWriting = client.stream.pendingByteCount + server.stream.pendingByteCount > 0
    let limitMs =
      isWriting ? limits.writeStallMs : hasEnded ? limits.spliceEndMs : limits.spliceIdleMs
    if nowMs - progressMs >= limitMs { abort() }
  }
}

/// One stream of a splice: what it reads goes to the other one.
private final class SpliceSide: ByteStreamDelegate {
  let stream: any ByteStream
  private(set) var receivedByteCount: UInt64 = 0
  /// Loop time of the last byte that moved.
  private(set) var progressMs: UInt64
  /// Nothing more comes from it.
  var hasEnded = false
  private let peerHadEnded: Bool
  private var leftover = ByteBuffer()
  private var isPaused = false
  private var lastPending = 0
  private unowned var other: SpliceSide!
  /// Held until the stream has closed.
  private var splice: StreamSplice?

  init(_ upgrade: HTTPUpgrade) {
    stream = upgrade.stream
    peerHadEnded = upgrade.peerHasEnded
    progressMs = upgrade.stream.loop.nowMs
    swap(&leftover, &upgrade.leftover)
  }

  func connect(to other: SpliceSide, of splice: StreamSplice) {
    self.other = other
    self.splice = splice
  }

  func start() {
    stream.delegate = self
    var first = ByteBuffer()
    swap(&first, &leftover)
    if !first.isEmpty { first.withMutableReadable { streamDidReceive($0) } }
    if peerHadEnded { return streamDidEnd() }
    if !isPaused { stream.resumeReading() }
  }

  func streamDidReceive(_ bytes: UnsafeMutableRawBufferPointer) {
    receivedByteCount += UInt64(bytes.count)
    progressMs = stream.loop.nowMs
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
    progressMs = stream.loop.nowMs
    other.stream.endWriting()
    splice?.sideDidEnd()
  }

  func streamDidClose(_ error: StreamError?) {
    let splice = splice
    self.splice = nil
    splice?.sideDidClose(self)
  }

  func noteTaken(_ nowMs: UInt64) {
    let pending = stream.pendingByteCount
    if pending != lastPending { progressMs = nowMs }
    lastPending = pending
  }
}
