import Glibc

/// A growable queue of bytes in one contiguous block: written at the tail, consumed at the head.
///
/// It has one owner (`~Copyable`) and frees its memory with it. Consumed space is reused by
/// moving the rest to the front when the tail runs out of room, so a steady producer and
/// consumer allocate nothing.
public struct ByteBuffer: ~Copyable {
  private var base: UnsafeMutableRawPointer?
  private var head = 0
  private var tail = 0
  /// Bytes allocated.
  public private(set) var capacity = 0

  public init() {}

  public init(capacity: Int) { reserve(capacity) }

  deinit { free(base) }

  /// Bytes that can be read.
  public var count: Int { tail - head }
  public var isEmpty: Bool { tail == head }

  /// The readable bytes, lent for the length of the call.
  @inline(__always)
  public func withReadable<R: ~Copyable, E: Error>(
    _ body: (UnsafeRawBufferPointer) throws(E) -> R
  ) throws(E) -> R {
    try body(UnsafeRawBufferPointer(start: base.map { UnsafeRawPointer($0 + head) }, count: count))
  }

  /// The readable bytes, lent for the length of the call, to be changed in place.
  public mutating func withMutableReadable<R: ~Copyable, E: Error>(
    _ body: (UnsafeMutableRawBufferPointer) throws(E) -> R
  ) throws(E) -> R {
    try body(UnsafeMutableRawBufferPointer(start: base.map { $0 + head }, count: count))
  }

  /// Drops `byteCount` bytes from the head. Precondition: there are that many.
  public mutating func consume(_ byteCount: Int) {
    precondition(byteCount >= 0 && byteCount <= count, "consumed more than there is")
    head += byteCount
    if head == tail {
      head = 0
      tail = 0
    }
  }

  /// Drops all bytes; frees the block if it is larger than `keepingCapacity` bytes.
  public mutating func clear(keepingCapacity limit: Int = .max) {
    head = 0
    tail = 0
    if capacity > limit {
      free(base)
      base = nil
      capacity = 0
    }
  }

  /// Makes room for `byteCount` more bytes.
  public mutating func reserve(_ byteCount: Int) {
    if capacity - tail >= byteCount { return }
    let held = count
    if head > 0, capacity - held >= byteCount, head >= held {
      memcpy(base!, base! + head, held)
    } else {
      grow(to: held + byteCount)
    }
    head = 0
    tail = held
  }

  private mutating func grow(to needed: Int) {
    var size = max(capacity * 2, 256)
    while size < needed { size *= 2 }
    guard let block = malloc(size) else { fatalError("out of memory: \(size) bytes") }
    if let base {
      memcpy(block, base + head, count)
      free(base)
    }
    base = block
    capacity = size
  }

  @inline(__always)
  public mutating func append(_ byte: UInt8) {
    reserve(1)
    base!.storeBytes(of: byte, toByteOffset: tail, as: UInt8.self)
    tail += 1
  }

  public mutating func append(_ bytes: UnsafeRawBufferPointer) {
    guard let source = bytes.baseAddress, bytes.count > 0 else { return }
    if capacity - tail < bytes.count { reserve(bytes.count) }
    memcpy(base! + tail, source, bytes.count)
    tail += bytes.count
  }

  public mutating func append(_ bytes: [UInt8]) { bytes.withUnsafeBytes { append($0) } }

  public mutating func append(_ literal: StaticString) {
    let count = literal.utf8CodeUnitCount
    if count == 0 { return }
    if capacity - tail < count { reserve(count) }
    memcpy(base! + tail, literal.utf8Start, count)
    tail += count
  }

  /// Appends the string's UTF-8.
  public mutating func append(utf8 string: String) {
    let isDone: Void? = string.utf8.withContiguousStorageIfAvailable {
      append(UnsafeRawBufferPointer($0))
    }
    if isDone == nil { append(Array(string.utf8)) }  // of a kind that Linux does not have
  }

  /// Appends the number in decimal digits.
  public mutating func append(decimal value: UInt64) {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { digits in
      var rest = value
      var start = 20
      repeat {
        start -= 1
        digits[start] = 48 + UInt8(truncatingIfNeeded: rest % 10)
        rest /= 10
      } while rest > 0
      append(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(digits)[start..<20]))
    }
  }

  /// Lends room for `byteCount` bytes at the tail; `body` returns how many it wrote.
  public mutating func append<E: Error>(
    uninitialized byteCount: Int, _ body: (UnsafeMutableRawBufferPointer) throws(E) -> Int
  ) throws(E) {
    reserve(byteCount)
    let written = try body(
      UnsafeMutableRawBufferPointer(start: base.map { $0 + tail }, count: byteCount))
    precondition(written >= 0 && written <= byteCount, "wrote outside of the lent room")
    tail += written
  }
}
