/// A two-way stream of bytes on a loop: a TCP or Unix socket, a pipe, a terminal, TLS over one.
///
/// Reading starts paused. What a socket does not take at once is copied and written later; the
/// writer looks at `pendingByteCount` (or `isCongested`) and waits for `streamDidDrain`.
public protocol ByteStream: AnyObject {
  /// Held strongly until the stream has closed.
  var delegate: (any ByteStreamDelegate)? { get set }
  var loop: Loop { get }
  /// Bytes accepted by `write` that the kernel has not taken yet.
  var pendingByteCount: Int { get }
  var isClosing: Bool { get }
  /// `streamDidConnect` is still to come.
  var isConnecting: Bool { get }
  /// Something waits to be read now, be it the end. It asks the kernel: one system call.
  var hasUnreadInput: Bool { get }
  /// The peer's address where there is one: not for Unix sockets and pipes.
  var peerAddress: SocketAddress? { get }
  /// Nobody between the peer and us can read or change the bytes.
  var isEncrypted: Bool { get }

  func resumeReading()
  func pauseReading()
  /// Writes or queues the bytes; they are the caller's again on return. Ignored once closing.
  func write(_ bytes: UnsafeRawBufferPointer)
  /// Ends our direction after what is pending.
  func endWriting()
  /// Closes now and drops what is pending. Idempotent; `streamDidClose` follows in a later turn.
  func close(_ error: StreamError?)
}

extension ByteStream {
  /// More than `StreamLimits.highWaterBytes` wait: the writer should stop until the drain.
  public var isCongested: Bool { pendingByteCount > StreamLimits.highWaterBytes }

  public func write(_ bytes: [UInt8]) { bytes.withUnsafeBytes { write($0) } }

  public func write(_ buffer: borrowing ByteBuffer) { buffer.withReadable { write($0) } }

  public func close() { close(nil) }

  public var peerAddress: SocketAddress? { nil }

  public var isEncrypted: Bool { false }
}

/// Who reads a stream. Every method runs on the loop.
public protocol ByteStreamDelegate: AnyObject {
  /// A connect that was under way has succeeded.
  func streamDidConnect()
  /// The bytes are lent for the length of the call and may be changed in place.
  func streamDidReceive(_ bytes: UnsafeMutableRawBufferPointer)
  /// The peer has ended its direction.
  func streamDidEnd()
  /// After congestion, less than `StreamLimits.lowWaterBytes` wait.
  func streamDidDrain()
  /// The last call, exactly once. The error is nil when we closed without one.
  func streamDidClose(_ error: StreamError?)
}

extension ByteStreamDelegate {
  public func streamDidConnect() {}
  public func streamDidDrain() {}
}

/// Why a stream ended.
public enum StreamError: Error, Equatable, Sendable, CustomStringConvertible {
  case connect(UVError)
  case read(UVError)
  case write(UVError)
  case tls(TLSError)
  /// The peer did not say what it must before all else.
  case opening(StreamOpeningFailure)
  /// Given up by a timer of ours; the text says which.
  case timedOut(String)

  public var description: String {
    switch self {
    case .connect(let error): "connect: \(error)"
    case .read(let error): "read: \(error)"
    case .write(let error): "write: \(error)"
    case .tls(let error): "\(error)"
    case .opening(let failure): failure.text
    case .timedOut(let what): "timed out: \(what)"
    }
  }
}

/// Marks of every stream's write queue, in bytes.
public enum StreamLimits {
  /// Above it a stream is congested and its producers pause.
  public static let highWaterBytes = 256 * 1024
  /// Below it they resume.
  public static let lowWaterBytes = 64 * 1024
  /// The most one read takes, so that one busy peer does not hold the loop.
  public static let readBytes = 64 * 1024
  /// The same for a relay, which may so pass on a message of 64 KiB at once.
  public static let relayReadBytes = 128 * 1024
  /// An idle WebSocket connection keeps at most this much of an empty outbox.
  public static let keptQueueBytes = 4 * 1024
  /// The most that a stream's opening takes at a time.
  public static let openingBytes = 4 * 1024
  /// Reads after a failed write, for what the peer said before it closed.
  public static let lastReads = 64
  /// Connections taken from one listener in one turn.
  public static let acceptsPerTurn = 64
  /// The kernel's queue of connections not accepted yet.
  public static let listenBacklog: Int32 = 4096
  /// A peer that answers no probe is given up after 60 + 4 × 15 seconds of silence.
  static let keepAliveIdleSeconds: Int32 = 60
  static let keepAliveIntervalSeconds: Int32 = 15
  static let keepAliveProbes: Int32 = 4
}
