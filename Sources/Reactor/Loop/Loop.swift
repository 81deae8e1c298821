internal import CUV
internal import Glibc

/// A single-threaded event loop on libuv.
///
/// It belongs to the thread that made it; everything on it (handles, streams, connections) is
/// touched from that thread only. `handle` is the one door for other threads.
public final class Loop {
  /// Bytes of the buffer that every read on this loop goes through.
  public static let readBufferBytes = StreamLimits.relayReadBytes
  /// Room before it, for what a reader held back of the last read: a line of the cache, on which
  /// the buffer then begins.
  static let readHeadroomBytes = 64

  let raw: UnsafeMutablePointer<uv_loop_t>
  /// The door for other threads.
  public let handle: LoopHandle
  /// Lent to one read callback at a time.
  package let readBuffer: UnsafeMutableRawBufferPointer
  /// Of its streams' write queues.
  let buffers = BufferPool()
  public internal(set) var handlesMade = 0
  public internal(set) var handlesFreed = 0
  /// Children by pid, for the reaper of a process that adopts orphans.
  var children: [Int32: ChildProcess] = [:]
  private var isClosed = false

  public init() throws(UVError) {
    raw = .allocate(capacity: 1)
    let status = uv_loop_init(raw)
    if status < 0 {
      raw.deallocate()
      throw UVError(status)
    }
    signal(SIGPIPE, SIG_IGN)  // libuv and write(2) on a pipe raise it
    let block = UnsafeMutableRawBufferPointer.allocate(
      byteCount: Self.readHeadroomBytes + Self.readBufferBytes, alignment: Self.readHeadroomBytes)
    readBuffer = UnsafeMutableRawBufferPointer(rebasing: block[Self.readHeadroomBytes...])
    handle = try LoopHandle(loop: raw)
  }

  deinit {
    precondition(isClosed, "a Loop must be closed before it goes")
    (readBuffer.baseAddress! - Self.readHeadroomBytes).deallocate()
    raw.deallocate()
  }

  /// Runs until `stop()` or until nothing is left that could call back.
  public func run() {
    _ = uv_run(raw, UV_RUN_DEFAULT)
  }

  /// Runs one turn, waiting for an event if there is none.
  public func runOnce() {
    _ = uv_run(raw, UV_RUN_ONCE)
  }

  /// Makes `run()` return after the current turn.
  public func stop() { uv_stop(raw) }

  /// Milliseconds of a monotonic clock, cached once a turn.
  public var nowMs: UInt64 { uv_now(raw) }

  /// Handles not closed yet.
  public var openHandles: Int { handlesMade - handlesFreed }

  /// Keeps `run()` going while work is under way elsewhere; balanced by `endWork`.
  func beginWork() { handle.retainLoop() }
  func endWork() { handle.releaseLoop() }

  /// Closes the mailbox, lets closing handles finish, and frees libuv's part. Returns the number
  /// of handles that were left open by their owners (0 in a clean program; they are closed here).
  @discardableResult
  public func close() -> Int {
    if isClosed { return 0 }
    isClosed = true
    handle.close()
    _ = uv_run(raw, UV_RUN_NOWAIT)
    _ = uv_run(raw, UV_RUN_NOWAIT)
    let leaked = openHandles
    if leaked > 0 { closeLeftovers() }
    let status = uv_loop_close(raw)
    precondition(status == 0, "loop closed with live handles")
    return leaked
  }

  private func closeLeftovers() {
    uv_walk(
      raw, { handle, _ in if uv_is_closing(handle) == 0 { Handle.from(handle!).closeHandle() } },
      nil)
    while openHandles > 0 { _ = uv_run(raw, UV_RUN_ONCE) }
  }
}
