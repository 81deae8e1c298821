internal import CUV
internal import Glibc

/// The life of a libuv handle: init → close → free, once each, for every kind.
///
/// libuv holds the memory at `raw`, which never moves, and through it one reference to this
/// object, taken after a successful init and released in the close callback. Whoever makes a
/// handle closes it; the loop counts both.
public class Handle {
  public let loop: Loop
  let raw: UnsafeMutableRawPointer
  /// Behind a computed property, as are others that many events ask for: a stored one that other
  /// modules see is checked for exclusive access each time.
  private var hasBegunClosing = false
  public final var isClosing: Bool { hasBegunClosing }

  init(
    loop: Loop, byteCount: Int, _ initialize: (UnsafeMutableRawPointer) -> Int32
  ) throws(UVError) {
    guard let memory = malloc(byteCount) else { fatalError("out of memory: \(byteCount) bytes") }
    raw = memory
    self.loop = loop
    let status = initialize(memory)
    if status < 0 {
      free(memory)
      throw UVError(status)
    }
    base.pointee.data = Unmanaged.passRetained(self).toOpaque()
    loop.handlesMade += 1
  }

  final var base: UnsafeMutablePointer<uv_handle_t> {
    raw.assumingMemoryBound(to: uv_handle_t.self)
  }

  /// Stops the handle for good; idempotent. `didClose` follows in a later turn of the loop.
  public final func closeHandle() {
    if hasBegunClosing { return }
    hasBegunClosing = true
    uv_close(base) { Handle.from($0!).finishClosing() }
  }

  /// Gives the handle away, alive: its memory is the new owner's, to be closed and freed with
  /// `Loop.freeHandle`. This object counts as closing, and `didClose` does not follow.
  final func surrender() -> UnsafeMutableRawPointer {
    precondition(!hasBegunClosing, "only a live handle can be given away")
    hasBegunClosing = true
    Unmanaged.passUnretained(self).release()
    return raw
  }

  private func finishClosing() {
    didClose()
    loop.freeHandle(raw)
    Unmanaged.passUnretained(self).release()
  }

  /// Called once, when libuv has let go of the handle. Overridden by kinds that own more.
  func didClose() {}

  /// The object behind a libuv handle, in a C callback.
  static func from(_ handle: UnsafeMutablePointer<uv_handle_t>) -> Handle {
    Unmanaged<Handle>.fromOpaque(handle.pointee.data).takeUnretainedValue()
  }

  /// The same for a callback that hands its own kind of handle.
  @inline(__always)
  static func from<Raw, Kind: Handle>(_ handle: UnsafeMutablePointer<Raw>, _: Kind.Type) -> Kind {
    let data = UnsafeMutableRawPointer(handle).assumingMemoryBound(to: uv_handle_t.self).pointee
      .data!
    return Unmanaged<Kind>.fromOpaque(data).takeUnretainedValue()
  }
}

extension Loop {
  /// In the close callback of a handle: frees what `Handle` allocated.
  func freeHandle(_ raw: UnsafeMutableRawPointer) {
    free(raw)
    handlesFreed += 1
  }
}
