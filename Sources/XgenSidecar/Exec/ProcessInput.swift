import Reactor

/// A process's standard input: the write end of its pipe, or a second descriptor of its terminal.
final class ProcessInput: ByteStreamDelegate {
  private static let endOfFile: [UInt8] = [0x04]  // VEOF, Ctrl-D

  private let stream: SocketStream
  private let isTerminal: Bool
  /// Less waits than before.
  var onDrain: (() -> Void)?

  init(
    loop: Loop, _ descriptor: consuming FileDescriptor, isTerminal: Bool
  ) throws(UVError) {
    self.isTerminal = isTerminal
    stream = try SocketStream(loop: loop, descriptor: descriptor.release(), kind: .pipe)
    stream.delegate = self
  }

  var pendingByteCount: Int { stream.pendingByteCount }

  /// Dropped once the process has closed its end, as by a shell's `|`.
  func write(_ bytes: UnsafeRawBufferPointer) { stream.write(bytes) }

  /// The end, after what waits. A terminal stays open: the line discipline makes its Ctrl-D the
  /// end of what one read returns.
  func end() {
    if isTerminal { stream.write(Self.endOfFile) } else { stream.endWriting() }
  }

  /// Drops what waits. Idempotent.
  func close() {
    onDrain = nil
    stream.close()
  }

  func streamDidReceive(_ bytes: UnsafeMutableRawBufferPointer) {}
  func streamDidEnd() {}
  func streamDidDrain() { onDrain?() }

  func streamDidClose(_ error: StreamError?) {
    onDrain?()
    onDrain = nil
  }
}
