import Glibc
import Reactor

/// The kernel's queue of file system events. Directories are added by workers, which know its
/// descriptor; so it must not be closed while one may do that.
final class Inotify {
  static let mask = UInt32(
    IN_CREATE | IN_MODIFY | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF
      | IN_MOVE_SELF | IN_ONLYDIR | IN_EXCL_UNLINK)
  private static let readBytes = 64 * 1024

  let descriptor: Int32
  private var poll: Poll?
  private let room = UnsafeMutableRawBufferPointer.allocate(
    byteCount: Inotify.readBytes, alignment: 8)

  init(loop: Loop, onEvents: @escaping ([InotifyEvent]) -> Void) throws(UVError) {
    let opened = try FileDescriptor(Self.open())
    descriptor = opened.number
    let poll = try Poll(loop: loop, descriptor: opened.number) { [unowned self] _, _ in
      let count = read(descriptor, room.baseAddress, room.count)
      if count > 0 {
        onEvents(InotifyEvent.parse(UnsafeRawBufferPointer(rebasing: room[..<count])))
      }
    }
    _ = opened.release()
    self.poll = poll
  }

  deinit { room.deallocate() }

  private static func open() -> Int32 {
    let opened = inotify_init1(Int32(IN_NONBLOCK | IN_CLOEXEC))
    return opened < 0 ? -errno : opened
  }

  /// Leaves events in the kernel's queue, or takes them.
  func setPaused(_ isPaused: Bool) { poll?.watch(isPaused ? [] : .readable) }

  func remove(_ watch: Int32) { inotify_rm_watch(descriptor, watch) }

  /// Idempotent.
  func close() {
    let descriptor = descriptor
    poll?.cancel { Glibc.close(descriptor) }
    poll = nil
  }
}
