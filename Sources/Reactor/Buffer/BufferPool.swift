/// A block of bytes that wait to be written; the pool's while there are none.
final class PooledBuffer {
  var bytes = ByteBuffer()
}

/// The write queues of a loop's streams. A stream has one only while its kernel buffer is full, so
/// idle streams hold none, and a congested one allocates nothing after the first times.
final class BufferPool {
  /// Capacity of the blocks that wait to be used again, in bytes.
  private(set) var keptBytes = 0
  private var kept: [PooledBuffer] = []

  /// What is kept at the most, in bytes.
  static let maxKeptBytes = 4 * 1024 * 1024

  /// An empty block, which has room if one was kept.
  func take() -> PooledBuffer {
    guard let buffer = kept.popLast() else { return PooledBuffer() }
    keptBytes -= buffer.bytes.capacity
    return buffer
  }

  /// Takes a block back; what it holds is dropped.
  func give(_ buffer: PooledBuffer) {
    buffer.bytes.clear()
    if keptBytes + buffer.bytes.capacity > Self.maxKeptBytes { return }
    keptBytes += buffer.bytes.capacity
    kept.append(buffer)
  }
}
