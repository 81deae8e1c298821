/// The bytes of something short that a read cut in two: a frame head, or the payload of a
/// control frame. Its block is allocated at the first cut and does not move, since events lend
/// out what is in it.
struct WebSocketCarry: ~Copyable {
  /// A control frame's payload; a frame head is shorter.
  static let capacity = WebSocketFrameHeader.maxControlPayloadCount

  private var base: UnsafeMutableRawPointer?
  private(set) var count = 0

  deinit { base?.deallocate() }

  @inline(__always)
  var isEmpty: Bool { count == 0 }

  /// Lent until the next change.
  var bytes: UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(start: base, count: count)
  }

  /// Precondition: there is room.
  mutating func append(_ piece: UnsafeRawBufferPointer) {
    precondition(piece.count <= Self.capacity - count, "carried more than a control payload")
    guard !piece.isEmpty else { return }
    let base = base ?? .allocate(byteCount: Self.capacity, alignment: 8)
    self.base = base
    UnsafeMutableRawBufferPointer(start: base + count, count: piece.count).copyMemory(from: piece)
    count += piece.count
  }

  /// Forgets the bytes; what was lent stays readable until the next `append`.
  @inline(__always)
  mutating func clear() { count = 0 }
}
