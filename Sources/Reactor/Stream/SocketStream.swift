internal import CLinux
internal import CUV
internal import Glibc

/// A stream on a non-blocking descriptor: TCP and Unix sockets, pipes and the primary end of a
/// terminal alike.
///
/// It polls the descriptor and calls recv and send itself (see docs/decisions/0001): one read of
/// up to 64 KiB goes straight to the delegate from the loop's own buffer, and a write that the
/// kernel takes whole costs one system call and no copy. What it does not take waits in a block of
/// the loop's pool.
public final class SocketStream: Handle, ByteStream {
  public enum Kind: Sendable { case socket, pipe }

  private var receiver: (any ByteStreamDelegate)?
  public var delegate: (any ByteStreamDelegate)? {
    get { receiver }
    set { receiver = newValue }
  }
  public let descriptor: Int32
  private let kind: Kind
  /// What libuv was told to watch.
  private var watched: Poll.Events = []
  private var isReading = false
  /// The socket itself is not connected yet.
  private var isReaching: Bool
  private var opening: OpeningProgress?
  private var sawEnd = false
  private var wasCongested = false
  private var endsAfterPending = false
  private var holdsWrites = false
  private var hasEnded = false
  /// Bytes that the kernel has not taken; nil if there are none.
  private var queue: PooledBuffer?
  /// Of a write; the stream closes with it in the next turn. Then, why it closed.
  private var failure: StreamError?

  /// Takes over a descriptor, which must be non-blocking; it is closed with the stream, and also
  /// when this throws.
  public init(
    loop: Loop, descriptor: Int32, kind: Kind = .socket, isConnecting: Bool = false
  ) throws(UVError) {
    self.descriptor = descriptor
    self.kind = kind
    isReaching = isConnecting
    do {
      try super.init(loop: loop, byteCount: MemoryLayout<uv_poll_t>.size) {
        uv_poll_init(loop.raw, $0.assumingMemoryBound(to: uv_poll_t.self), descriptor)
      }
    } catch {
      Glibc.close(descriptor)
      throw error
    }
    if isConnecting { watch() }
  }

  public var isConnecting: Bool { isReaching || opening != nil }

  public var pendingByteCount: Int { queue?.bytes.count ?? 0 }

  public func resumeReading() {
    if isReading || sawEnd || isClosing { return }
    isReading = true
    watch()
  }

  /// Most pauses are over before anything comes, so the poll is stopped only when something does.
  public func pauseReading() { isReading = false }

  private func watch() {
    var events: Poll.Events = []
    if isOpening || isReading && !sawEnd && !isConnecting { events.insert(.readable) }
    if isReaching || queue != nil && !isConnecting { events.insert(.writable) }
    if isClosing || events == watched { return }
    watched = events
    let poll = raw.assumingMemoryBound(to: uv_poll_t.self)
    if events.isEmpty {
      uv_poll_stop(poll)
    } else {
      uv_poll_start(poll, events.rawValue) { handle, status, events in
        Handle.from(handle!, SocketStream.self).ready(status, Poll.Events(rawValue: events))
      }
    }
  }

  private func ready(_ status: Int32, _ told: Poll.Events) {
    if isClosing { return }
    var events = told
    if status < 0 {
      events = watched
      watched = []  // libuv has stopped it
    }
    if isReaching { return finishConnecting() }
    if isOpening { return readOpening() }
    let wasPaused = !isReading
    if events.contains(.writable) { flush() }
    if events.contains(.readable), isReading, !isClosing { readOnce() }
    if status < 0 || wasPaused { watch() }
  }

  private func finishConnecting() {
    var status: Int32 = 0
    var length = socklen_t(MemoryLayout<Int32>.size)
    getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &status, &length)
    if status != 0 { return close(.connect(UVError(-status))) }
    isReaching = false
    if let opening { startOpening(opening.opening) } else { didOpen() }
  }

  private func didOpen() {
    flush()
    if isClosing { return }
    receiver?.streamDidConnect()
    if endsAfterPending && queue == nil { shutDownWriting() }
    if !isClosing { watch() }
  }

  // MARK: Opening

  /// What is to be said first, before `streamDidConnect`. To be called where the stream is made:
  /// nothing was read or written.
  public func open(by opening: any StreamOpening) {
    precondition(kind == .socket && queue == nil && !isReading, "the stream is new")
    self.opening = OpeningProgress(opening)
    if !isReaching { startOpening(opening) }
  }

  private var isOpening: Bool { opening != nil && !isReaching }

  private func startOpening(_ opening: any StreamOpening) {
    sendOpening(opening.firstBytes)
    watch()
  }

  /// A new socket takes so few bytes at once, or it is broken.
  private func sendOpening(_ bytes: [UInt8]) {
    let sent = bytes.isEmpty ? 0 : bytes.withUnsafeBytes { trySend($0) }
    if sent != bytes.count { close(.write(sent < 0 ? UVError(Int32(sent)) : UVError(-EAGAIN))) }
  }

  private func readOpening() {
    guard var progress = opening, !isClosing else { return }
    let wanted = min(progress.missingByteCount, StreamLimits.openingBytes)
    let room = UnsafeMutableRawBufferPointer(rebasing: loop.readBuffer[..<wanted])
    let count = xgen_recv(descriptor, room.baseAddress, room.count)
    if count == -Int(EAGAIN) || count == -Int(EINTR) { return }
    if count == 0 { return close(.opening(StreamOpeningFailure("the peer closed"))) }
    if count < 0 { return close(.read(UVError(Int32(count)))) }
    do throws(StreamOpeningFailure) {
      sendOpening(try progress.receive(room[..<count]))
    } catch {
      return close(.opening(error))
    }
    if isClosing { return }
    opening = progress.isDone ? nil : progress
    if progress.isDone { didOpen() }
  }

  /// Gives the socket away where it is a plain one in full use: its handle as it is polled now,
  /// and what waits to be written. From the call on `callback` is told, with the handle's new
  /// data. Nil, and nothing changes, where it is not; its owner goes on with the stream then.
  func handOver(
    to callback: @convention(c) (UnsafeMutablePointer<uv_poll_t>?, Int32, Int32) -> Void
  ) -> (poll: UnsafeMutablePointer<uv_poll_t>, watched: Poll.Events, queue: PooledBuffer?)? {
    if kind != .socket || isConnecting || isClosing || endsAfterPending || failure != nil {
      return nil
    }
    let waiting = queue
    queue = nil
    receiver = nil
    let poll = surrender().assumingMemoryBound(to: uv_poll_t.self)
    // uv_poll_start would take the descriptor out of the kernel's set and put it in again.
    poll.pointee.poll_cb = callback
    return (poll, watched, waiting)
  }

  // MARK: Reading

  public var hasUnreadInput: Bool {
    var byte: UInt8 = 0
    if isClosing || isConnecting || kind == .pipe { return false }
    return recv(descriptor, &byte, 1, Int32(MSG_PEEK)) >= 0 || errno != EAGAIN
  }

  /// Whether there was something.
  @discardableResult
  private func readOnce() -> Bool {
    let room = UnsafeMutableRawBufferPointer(rebasing: loop.readBuffer[..<StreamLimits.readBytes])
    let count =
      kind == .socket
      ? xgen_recv(descriptor, room.baseAddress, room.count)
      : Self.readPipe(descriptor, room)
    if count > 0 {
      receiver?.streamDidReceive(UnsafeMutableRawBufferPointer(rebasing: room[..<count]))
    } else if count == 0 {
      endOfInput()
    } else if count != -Int(EAGAIN) && count != -Int(EINTR) {
      close(failure ?? .read(UVError(Int32(count))))
    }
    return count > 0
  }

  /// Bytes, or -errno; the closed other end of a terminal (EIO) is an end like any other.
  private static func readPipe(_ descriptor: Int32, _ room: UnsafeMutableRawBufferPointer) -> Int {
    let count = read(descriptor, room.baseAddress, room.count)
    return count >= 0 ? count : errno == EIO ? 0 : -Int(errno)
  }

  private func endOfInput() {
    sawEnd = true
    isReading = false
    watch()
    receiver?.streamDidEnd()
  }

  // MARK: Writing

  public func write(_ bytes: UnsafeRawBufferPointer) {
    if isClosing || endsAfterPending || failure != nil || bytes.isEmpty { return }
    var rest = bytes
    if queue == nil && !isConnecting && !holdsWrites {
      guard let sent = taken(trySend(bytes)) else { return }
      if sent == bytes.count { return }
      rest = UnsafeRawBufferPointer(rebasing: bytes[sent...])
    }
    let waiting = queue ?? loop.buffers.take()
    waiting.bytes.append(rest)
    if waiting.bytes.count > StreamLimits.highWaterBytes { wasCongested = true }
    if queue == nil {
      queue = waiting
      if !holdsWrites { watch() }
    }
  }

  /// From now on writes wait in the queue, for whoever takes the socket by `handOver` to send them
  /// together with what comes next.
  func holdWrites() { holdsWrites = true }

  /// Bytes that the kernel took, or -errno. It changes nothing here: the bytes may be those of
  /// the queue, lent.
  private func trySend(_ bytes: UnsafeRawBufferPointer) -> Int {
    if kind == .socket { return xgen_send(descriptor, bytes.baseAddress, bytes.count) }
    let count = Glibc.write(descriptor, bytes.baseAddress, bytes.count)
    return count >= 0 ? count : -Int(errno)
  }

  /// The same count; nil when the stream failed and takes no more.
  private func taken(_ result: Int) -> Int? {
    if result >= 0 { return result }
    let error = UVError(Int32(result))
    if error.code == -EAGAIN || error.code == -EINTR { return 0 }
    failWriting(.write(error))
    return nil
  }

  /// The peer takes no more. What it said before, perhaps why, is read before the stream closes:
  /// a server may refuse a body that it does not want and close (RFC 9112 §9.5).
  private func failWriting(_ error: StreamError) {
    guard isReading, kind == .socket else { return close(error) }
    failure = error
    dropQueue()
    watch()
    loop.after(ms: 0) { [self] in
      var reads = 0
      while isReading, !isClosing, reads < StreamLimits.lastReads, readOnce() { reads += 1 }
      close(error)
    }
  }

  private func flush() {
    guard let queue else { return }
    let result = queue.bytes.withReadable { trySend($0) }
    guard let sent = taken(result) else { return }
    queue.bytes.consume(sent)
    let left = queue.bytes.count
    if left == 0 {
      dropQueue()
      if endsAfterPending { shutDownWriting() }
      watch()
    }
    if wasCongested && left <= StreamLimits.lowWaterBytes {
      wasCongested = false
      receiver?.streamDidDrain()
    }
  }

  private func dropQueue() {
    if let queue { loop.buffers.give(queue) }
    queue = nil
  }

  public func endWriting() {
    if isClosing || endsAfterPending { return }
    endsAfterPending = true
    if queue == nil && !isConnecting { shutDownWriting() }
  }

  private func shutDownWriting() {
    if hasEnded { return }
    hasEnded = true
    switch kind {
    case .socket: shutdown(descriptor, Int32(SHUT_WR))
    case .pipe: close()  // a pipe has one direction
    }
  }

  // MARK: Closing

  public func close(_ error: StreamError?) {
    if isClosing { return }
    dropQueue()
    failure = error
    closeHandle()
  }

  override func didClose() {
    Glibc.close(descriptor)
    let last = receiver
    receiver = nil
    last?.streamDidClose(failure)
  }

  public var peerAddress: SocketAddress? { SocketAddress.peer(of: descriptor) }

  /// The socket's own address; nil for Unix sockets and pipes.
  public var localAddress: SocketAddress? { SocketAddress.local(of: descriptor) }
}
