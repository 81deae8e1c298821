import CLinux
import Glibc
import Reactor
import XgenProtocol

/// Where a process's output arrives: the read end of a pipe, or the primary end of a terminal.
///
/// It reads only when told to, at most one turn's bytes at a time, so that a process that is not
/// read from blocks.
final class OutputPipe {
  enum Turn: Equatable { case took(Int), nothing, end }

  /// ExecStdout or ExecStderr.
  let type: MessageType
  private(set) var isEnded = false
  /// Bytes that the ended command may have left here, and that are still to be sent.
  var owedBytes = 0
  private let descriptor: Int32
  private let isTerminal: Bool
  private var poll: Poll?

  /// Takes over the descriptor. `onReadable` runs once a turn while there is something to read.
  init(
    loop: Loop, _ descriptor: consuming FileDescriptor, _ type: MessageType, isTerminal: Bool,
    onReadable: @escaping (OutputPipe) -> Void
  ) throws(UVError) {
    self.type = type
    self.isTerminal = isTerminal
    xgen_set_nonblocking(descriptor.number, true)
    let number = descriptor.release()
    self.descriptor = number
    do {
      poll = try Poll(loop: loop, descriptor: number) { [unowned self] _, _ in onReadable(self) }
    } catch {
      Glibc.close(number)
      throw error
    }
    resume()
  }

  func resume() { poll?.watch(.readable) }

  func pause() { poll?.watch([]) }

  /// Reads once. A terminal whose other end is closed says EIO.
  func read(into room: UnsafeMutableRawBufferPointer) -> Turn {
    if isEnded { return .end }
    let count = Glibc.read(descriptor, room.baseAddress, room.count)
    if count > 0 {
      owedBytes -= count
      return .took(count)
    }
    if count < 0 && (errno == EAGAIN || errno == EINTR) {
      owedBytes = 0
      return .nothing
    }
    close()
    return .end
  }

  /// Notes what waits here at the moment of the command's exit. A terminal can't tell: it may hold
  /// twice 64 KiB on the way, and an attempt to read says when they have come.
  func noteExit() {
    var waiting: Int32 = 0
    let status = ioctl(descriptor, UInt(FIONREAD), &waiting)
    owedBytes = isTerminal || status < 0 ? 128 * 1024 : Int(waiting)
  }

  /// Nothing of the ended command is left, whatever others may still write.
  var isDrained: Bool { isEnded || owedBytes <= 0 || !isReadable }

  private var isReadable: Bool {
    var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    return Glibc.poll(&entry, 1, 0) > 0
  }

  /// Idempotent.
  func close() {
    if isEnded { return }
    isEnded = true
    let descriptor = descriptor
    poll?.cancel { Glibc.close(descriptor) }
    poll = nil
  }

  // MARK: Terminals

  /// The process group in the terminal's foreground; nil if there is none.
  var foregroundGroup: Int32? {
    if isEnded || !isTerminal { return nil }
    let group = tcgetpgrp(descriptor)
    return group > 0 ? group : nil
  }

  /// The kernel tells the foreground group by SIGWINCH.
  func resize(columns: UInt16, rows: UInt16) {
    if isEnded || !isTerminal { return }
    xgen_set_window_size(descriptor, columns, rows)
  }
}
