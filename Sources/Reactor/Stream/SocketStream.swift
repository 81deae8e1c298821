internal import CLinux
internal import Glibc

/// A stream on a non-blocking descriptor: TCP and Unix sockets, pipes and the primary end of a
/// terminal alike.
///
/// It polls the descriptor and calls recv and send itself (see docs/decisions/0001): one read of
/// up to 64 KiB goes straight to the delegate from the loop's own buffer, and a write that the
/// kernel takes whole costs one system call and no copy.
public final class SocketStream: ByteStream {
  public enum Kind: Sendable { case socket, pipe }

  public unowned let loop: Loop
  public var delegate: (any ByteStreamDelegate)?
  public private(set) var isClosing = false
  public let descriptor: Int32
  private let kind: Kind
  private var poll: Poll?
  private var pending = ByteBuffer()
  private var isReading = false
  public private(set) var isConnecting: Bool
  private var sawEnd = false
  private var wasCongested = false
  private var endsAfterPending = false
  private var hasEnded = false
  /// Of a write; the stream closes with it in the next turn.
  private var failure: StreamError?

  /// Takes over a descriptor, which must be non-blocking; it is closed with the stream, and also
  /// when this throws.
  public init(
    loop: Loop, descriptor: Int32, kind: Kind = .socket, isConnecting: Bool = false
  ) throws(UVError) {
    self.loop = loop
    self.descriptor = descriptor
    self.kind = kind
    self.isConnecting = isConnecting
    do {
      poll = try Poll(loop: loop, descriptor: descriptor) { [self] in ready($0, failed: $1) }
    } catch {
      Glibc.close(descriptor)
      throw error
    }
    if isConnecting { watch() }
  }

  public var pendingByteCount: Int { pending.count }

  public func resumeReading() {
    if isReading || sawEnd || isClosing { return }
    isReading = true
    watch()
  }

  public func pauseReading() {
    if !isReading || isClosing { return }
    isReading = false
    watch()
  }

  private func watch() {
    var events: Poll.Events = []
    if isReading && !sawEnd && !isConnecting { events.insert(.readable) }
    if isConnecting || !pending.isEmpty { events.insert(.writable) }
    poll?.watch(events)
  }

  private func ready(_ events: Poll.Events, failed: Bool) {
    if isConnecting { return finishConnecting() }
    if events.contains(.writable) { flush() }
    if events.contains(.readable), isReading, !isClosing { readOnce() }
    if failed, !isClosing { watch() }
  }

  private func finishConnecting() {
    var status: Int32 = 0
    var length = socklen_t(MemoryLayout<Int32>.size)
    getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &status, &length)
    if status != 0 { return close(.connect(UVError(-status))) }
    isConnecting = false
    flush()
    if isClosing { return }
    delegate?.streamDidConnect()
    if endsAfterPending && pending.isEmpty { shutDownWriting() }
    if !isClosing { watch() }
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
      ? recv(descriptor, room.baseAddress, room.count, 0)
      : read(descriptor, room.baseAddress, room.count)
    if count > 0 {
      delegate?.streamDidReceive(UnsafeMutableRawBufferPointer(rebasing: room[..<count]))
    } else if count == 0 || (kind == .pipe && errno == EIO) {
      endOfInput()  // EIO: the other end of a terminal is closed
    } else if errno != EAGAIN && errno != EINTR {
      close(failure ?? .read(.last()))
    }
    return count > 0
  }

  private func endOfInput() {
    sawEnd = true
    isReading = false
    watch()
    delegate?.streamDidEnd()
  }

  // MARK: Writing

  public func write(_ bytes: UnsafeRawBufferPointer) {
    if isClosing || endsAfterPending || failure != nil || bytes.isEmpty { return }
    var rest = bytes
    if pending.isEmpty && !isConnecting {
      guard let sent = taken(trySend(bytes)) else { return }
      if sent == bytes.count { return }
      rest = UnsafeRawBufferPointer(rebasing: bytes[sent...])
    }
    let wasEmpty = pending.isEmpty
    pending.append(rest)
    if pending.count > StreamLimits.highWaterBytes { wasCongested = true }
    if wasEmpty { watch() }
  }

  /// Bytes that the kernel took, or -errno. It changes nothing here: the bytes may be those of
  /// `pending`, lent.
  private func trySend(_ bytes: UnsafeRawBufferPointer) -> Int {
    let count =
      kind == .socket
      ? Glibc.send(descriptor, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
      : Glibc.write(descriptor, bytes.baseAddress, bytes.count)
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
    pending.clear(keepingCapacity: 0)
    watch()
    loop.after(ms: 0) { [self] in
      var reads = 0
      while isReading, !isClosing, reads < StreamLimits.lastReads, readOnce() { reads += 1 }
      close(error)
    }
  }

  private func flush() {
    if pending.isEmpty { return }
    let result = pending.withReadable { trySend($0) }
    guard let sent = taken(result) else { return }
    pending.consume(sent)
    if pending.isEmpty {
      pending.clear(keepingCapacity: StreamLimits.keptQueueBytes)
      if endsAfterPending { shutDownWriting() }
      watch()
    }
    if wasCongested && pending.count <= StreamLimits.lowWaterBytes {
      wasCongested = false
      delegate?.streamDidDrain()
    }
  }

  public func endWriting() {
    if isClosing || endsAfterPending { return }
    endsAfterPending = true
    if pending.isEmpty && !isConnecting { shutDownWriting() }
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
    isClosing = true
    pending.clear(keepingCapacity: 0)
    let descriptor = descriptor
    poll?.cancel { [self] in
      Glibc.close(descriptor)
      poll = nil
      let last = delegate
      delegate = nil
      last?.streamDidClose(error)
    }
  }

  public var peerAddress: SocketAddress? { SocketAddress.peer(of: descriptor) }

  /// The socket's own address; nil for Unix sockets and pipes.
  public var localAddress: SocketAddress? { SocketAddress.local(of: descriptor) }
}
