internal import CLinux
internal import CUV
internal import Glibc

/// One end of a relay: a plain socket, polled and written without an object of its own, or any
/// other stream (TLS).
///
/// A plain one costs its `uv_poll_t` and the bytes below; a write queue is lent by the loop's pool
/// while the kernel does not take everything.
struct RelayPort {
  /// What a poll found.
  enum Input { case bytes(Int), nothing, end, failed }

  /// Nil where the end is another stream.
  let poll: UnsafeMutablePointer<uv_poll_t>?
  private let adapter: RelayStream?
  private var queue: PooledBuffer?
  private let descriptor: Int32
  /// Of `Poll.Events`; a byte, since there may be twenty thousand.
  private var watchedBits: UInt8 = 0
  private var isReading = false
  private var wasCongested = false
  private var endsAfterPending = false
  private var hasFailed = false
  private(set) var isClosing = false

  private var watched: Poll.Events {
    get { Poll.Events(rawValue: Int32(watchedBits)) }
    set { watchedBits = UInt8(truncatingIfNeeded: newValue.rawValue) }
  }

  /// Takes the socket out of the stream, or goes on with the stream.
  init(_ stream: any ByteStream, for side: RelaySide) {
    guard let socket = stream as? SocketStream,
      let (poll, watched, queue) = socket.handOver(to: Self.callback)
    else {
      self.poll = nil
      descriptor = -1
      adapter = RelayStream(stream, side)
      return
    }
    self.poll = poll
    self.queue = queue
    descriptor = socket.descriptor
    adapter = nil
    self.watched = watched
    isReading = watched.contains(.readable)
    wasCongested = pendingByteCount > StreamLimits.highWaterBytes
  }

  /// From now on the relay, which is held until the port has closed, is told what happens.
  func attach(to relay: WebSocketRelay) {
    poll?.pointee.data = Unmanaged.passRetained(relay).toOpaque()
    adapter?.relay = relay
  }

  /// Bytes that the kernel has not taken.
  var pendingByteCount: Int {
    if let adapter { return adapter.stream.pendingByteCount }
    return queue?.bytes.count ?? 0
  }

  // MARK: Reading

  mutating func resumeReading() {
    if let adapter { return adapter.stream.resumeReading() }
    isReading = true
    watch()
  }

  mutating func pauseReading() {
    if let adapter { return adapter.stream.pauseReading() }
    isReading = false
    watch()
  }

  mutating func watch() {
    var events: Poll.Events = []
    if isReading { events.insert(.readable) }
    if queue != nil { events.insert(.writable) }
    guard let poll, !isClosing, events != watched else { return }
    watched = events
    if events.isEmpty {
      uv_poll_stop(poll)
    } else {
      uv_poll_start(poll, events.rawValue, Self.callback)
    }
  }

  private static let callback:
    @convention(c) (UnsafeMutablePointer<uv_poll_t>?, Int32, Int32) -> Void = {
      WebSocketRelay.ready($0!, $1, $2)
    }

  /// Whether something waits that nobody has tried to send.
  var hasHeldWrites: Bool { queue != nil && !watched.contains(.writable) }

  /// What is to be done after a poll: an error stops the poll, and shows at the next call.
  mutating func noteReady(_ status: Int32, _ told: Int32) -> Poll.Events {
    if status >= 0 { return Poll.Events(rawValue: told).intersection(watched) }
    let wanted = watched
    watched = []
    return wanted
  }

  /// One read, into the room.
  mutating func read(into room: UnsafeMutableRawBufferPointer) -> Input {
    let count = xgen_recv(descriptor, room.baseAddress, room.count)
    if count > 0 { return .bytes(count) }
    if count == 0 {
      isReading = false
      return .end
    }
    return count == -Int(EAGAIN) || count == -Int(EINTR) ? .nothing : .failed
  }

  // MARK: Writing

  /// Writes, or queues what the kernel does not take now. After a failure of the socket nothing
  /// more is written; what the peer said before is read to the end, which follows.
  ///
  /// True if the port is congested: the writer should stop until the drain.
  @inline(__always)
  mutating func write(_ bytes: UnsafeRawBufferPointer, _ pool: BufferPool) -> Bool {
    if adapter != nil { return writeToStream(bytes) }
    if isClosing || endsAfterPending || hasFailed { return false }
    var sent = 0
    if queue == nil {
      sent = send(bytes)
      if sent == bytes.count { return false }
    }
    keep(UnsafeRawBufferPointer(rebasing: bytes[sent...]), pool)
    return pendingByteCount > StreamLimits.highWaterBytes
  }

  private func writeToStream(_ bytes: UnsafeRawBufferPointer) -> Bool {
    guard let adapter else { return false }
    adapter.stream.write(bytes)
    return adapter.stream.isCongested
  }

  private mutating func keep(_ bytes: UnsafeRawBufferPointer, _ pool: BufferPool) {
    if hasFailed || bytes.isEmpty { return }
    let waiting = queue ?? pool.take()
    waiting.bytes.append(bytes)
    if waiting.bytes.count > StreamLimits.highWaterBytes { wasCongested = true }
    if queue == nil {
      queue = waiting
      watch()
    }
  }

  /// How many the kernel took.
  @inline(__always)
  private mutating func send(_ bytes: UnsafeRawBufferPointer) -> Int {
    let count = xgen_send(descriptor, bytes.baseAddress, bytes.count)
    if count >= 0 { return count }
    if count != -Int(EAGAIN) && count != -Int(EINTR) { hasFailed = true }
    return 0
  }

  /// True if congestion is over.
  mutating func flush(_ pool: BufferPool) -> Bool {
    guard let queue else { return false }
    let sent = queue.bytes.withReadable { send($0) }
    queue.bytes.consume(sent)
    if queue.bytes.isEmpty || hasFailed { drop(pool) }
    guard wasCongested, pendingByteCount <= StreamLimits.lowWaterBytes else { return false }
    wasCongested = false
    return true
  }

  private mutating func drop(_ pool: BufferPool) {
    if let queue { pool.give(queue) }
    queue = nil
    if endsAfterPending && !hasFailed { shutdown(descriptor, Int32(SHUT_WR)) }
    watch()
  }

  /// The socket takes no more, and there is nobody to tell of it but by a close.
  var isDead: Bool { hasFailed && !isReading }

  /// Ends our direction after what is pending.
  mutating func endWriting() {
    if let adapter { return adapter.stream.endWriting() }
    if isClosing || endsAfterPending { return }
    endsAfterPending = true
    if queue == nil && !hasFailed { shutdown(descriptor, Int32(SHUT_WR)) }
  }

  // MARK: Closing

  /// Closes now and drops what is pending. Idempotent; the relay is told in a later turn.
  mutating func close(_ pool: BufferPool) {
    if isClosing { return }
    isClosing = true
    if let adapter { return adapter.stream.close() }
    endsAfterPending = false
    drop(pool)
    guard let poll else { return }
    uv_close(UnsafeMutableRawPointer(poll).assumingMemoryBound(to: uv_handle_t.self)) {
      WebSocketRelay.closed($0!)
    }
  }

  /// It has closed, perhaps by itself.
  mutating func didClose() {
    isClosing = true
    if descriptor >= 0 { Glibc.close(descriptor) }
  }
}

/// Passes a stream's events on to a relay, as one of its sides.
final class RelayStream: ByteStreamDelegate {
  let stream: any ByteStream
  private let side: RelaySide
  var relay: WebSocketRelay?

  init(_ stream: any ByteStream, _ side: RelaySide) {
    self.stream = stream
    self.side = side
    stream.delegate = self
  }

  func streamDidReceive(_ bytes: UnsafeMutableRawBufferPointer) {
    relay?.didReceiveFromStream(UnsafeRawBufferPointer(bytes), side)
  }

  func streamDidEnd() { relay?.didEnd(side) }
  func streamDidDrain() { relay?.didDrain(side) }

  func streamDidClose(_ error: StreamError?) {
    let last = relay
    relay = nil
    last?.didClose(side)
  }
}
