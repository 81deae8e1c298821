/// Collects the chunks of a message for a consumer that wants it whole. A message that comes in
/// one chunk is passed on where it lies.
///
/// It grows with what has arrived, never with what a frame head promises; the decoder bounds it.
public struct WebSocketMessageAssembler: ~Copyable {
  /// A block larger than this is freed after its message.
  public static let maxKeptCapacity = 64 * 1024

  private var collected = ByteBuffer()
  /// `collected` holds a message that was handed out.
  private var isHandedOut = false

  public init() {}

  /// Bytes of the unfinished message.
  public var pendingCount: Int { isHandedOut ? 0 : collected.count }

  /// Takes a chunk; returns the message with its last one. The bytes are lent until the next
  /// call to the assembler, and no longer than the chunk itself.
  public mutating func add(
    _ chunk: UnsafeRawBufferPointer, isFinal: Bool
  ) -> UnsafeRawBufferPointer? {
    release()
    if isFinal, collected.isEmpty { return chunk }
    collected.append(chunk)
    guard isFinal else { return nil }
    isHandedOut = true
    // The block stays where it is until the next `append` or `clear`, which are ours alone.
    return collected.withReadable { $0 }
  }

  /// Gives back the last message's memory without waiting for the next chunk; for a connection
  /// that may now be idle for long.
  public mutating func release() {
    guard isHandedOut else { return }
    collected.clear(keepingCapacity: Self.maxKeptCapacity)
    isHandedOut = false
  }
}
