/// The two ends of a relay.
enum RelaySide: Int {
  case client = 0
  case upstream = 1

  @inline(__always)
  var other: RelaySide { self == .client ? .upstream : .client }
}

/// One end of a relay: its port, and what is known of the frames that come from it.
struct RelayEnd {
  var port: RelayPort
  /// Follows what this end sends.
  var scanner: WebSocketFrameScanner
  /// The start of a frame head that a read cut.
  var held = HeldHead()
  var lastReadMs: UInt64
  /// What came from this end and was passed on.
  var receivedByteCount: UInt64 = 0
  /// With which we ended it, if the peers did not.
  var ownCloseCode: WebSocketCloseCode?
  /// A Close has been written to this end; nothing may follow it.
  var wroteClose = false
  /// Not read, since the other end does not take what comes.
  var isPaused = false
  var peerEnded: Bool

  /// The stream is taken over, paused.
  init(_ upgrade: HTTPUpgrade, _ side: RelaySide, maxMessageBytes: Int) {
    let loop = upgrade.stream.loop
    port = RelayPort(upgrade.stream, for: side)
    scanner = WebSocketFrameScanner(
      role: side == .client ? .server : .client, maxMessageBytes: maxMessageBytes)
    lastReadMs = loop.nowMs
    peerEnded = upgrade.peerHasEnded
  }

  /// Stopped inside a frame by itself, not by our backpressure.
  func hasStalled(nowMs: UInt64, afterMs: UInt64) -> Bool {
    !isPaused && (!scanner.isAtFrameBoundary || held.count > 0) && !scanner.sawClose
      && nowMs - lastReadMs > afterMs
  }
}

/// A relay's two ends in one block of memory.
struct RelayEnds {
  private let base: UnsafeMutablePointer<RelayEnd>

  init(client: RelayEnd, upstream: RelayEnd) {
    base = .allocate(capacity: 2)
    base.initialize(to: client)
    (base + 1).initialize(to: upstream)
  }

  func deallocate() {
    base.deinitialize(count: 2)
    base.deallocate()
  }

  @inline(__always)
  subscript(side: RelaySide) -> RelayEnd {
    @inline(__always) unsafeAddress { UnsafePointer(base + side.rawValue) }
    @inline(__always) nonmutating unsafeMutableAddress { base + side.rawValue }
  }
}

/// Up to 13 bytes of a frame head.
struct HeldHead {
  private var bytes = InlineArray<13, UInt8>(repeating: 0)
  private var used: UInt8 = 0

  var count: Int { Int(used) }

  /// Precondition: fewer than a whole head.
  mutating func hold(_ rest: UnsafeRawBufferPointer) {
    precondition(rest.count < WebSocketFrameHeader.maxByteCount, "more than a frame head")
    withUnsafeMutableBytes(of: &bytes) { $0.copyMemory(from: rest) }
    used = UInt8(rest.count)
  }

  /// Appends them and forgets them.
  mutating func append(to buffer: inout ByteBuffer) {
    withUnsafeBytes(of: bytes) { buffer.append(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
    used = 0
  }

  /// Writes them right before `start`, where there is room, and forgets them; returns how many.
  @inline(__always)
  mutating func putBefore(_ start: UnsafeMutableRawPointer) -> Int {
    if used == 0 { return 0 }
    return putAllBefore(start)
  }

  private mutating func putAllBefore(_ start: UnsafeMutableRawPointer) -> Int {
    let room = UnsafeMutableRawBufferPointer(start: start - count, count: count)
    withUnsafeBytes(of: bytes) {
      room.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[..<room.count]))
    }
    used = 0
    return room.count
  }
}

/// When the ends of a relay that is over are given up. It exists only then.
final class RelayEnding {
  private struct Deadline {
    var atMs = UInt64.max
    var pendingByteCount = 0
    var count = 0
  }

  var timer: Timer?
  private var client = Deadline()
  private var upstream = Deadline()

  /// A peer that takes a byte now and then does not hold up the end for longer.
  private static let maxDeadlines = 5

  var nextMs: UInt64 { min(client.atMs, upstream.atMs) }

  /// Unless it has one.
  func set(_ side: RelaySide, atMs: UInt64, pending: Int) {
    func set(_ deadline: inout Deadline) {
      if deadline.atMs != .max { return }
      deadline.atMs = atMs
      deadline.pendingByteCount = pending
      deadline.count += 1
    }
    if side == .client { set(&client) } else { set(&upstream) }
  }

  /// The side has closed, or closes now.
  func clear(_ side: RelaySide) {
    if side == .client { client.atMs = .max } else { upstream.atMs = .max }
  }

  /// Whether the side's time is over; one that still takes bytes gets more.
  func isOver(_ side: RelaySide, nowMs: UInt64, pending: Int, extraMs: UInt64) -> Bool {
    func isOver(_ deadline: inout Deadline) -> Bool {
      if nowMs < deadline.atMs { return false }
      let isTaking = pending > 0 && pending < deadline.pendingByteCount
      let isLast = !isTaking || deadline.count >= Self.maxDeadlines
      deadline.atMs = isLast ? .max : nowMs + extraMs
      deadline.pendingByteCount = pending
      deadline.count += 1
      return isLast
    }
    return side == .client ? isOver(&client) : isOver(&upstream)
  }
}
