/// The XOR of a frame's payload with its masking key (RFC 6455 §5.3), piece by piece: it
/// remembers where in the key the next byte stands. Masking and unmasking are the same.
public struct WebSocketMask: Sendable {
  /// The key as it lies in memory, rotated so that its first byte is the next one's.
  private var key: UInt32

  /// `key`: the four bytes as they lie in the frame head.
  @inline(__always)
  public init(key: UInt32) { self.key = key }

  /// XORs the next piece of the payload in place.
  public mutating func apply(to bytes: UnsafeMutableRawBufferPointer) {
    guard let base = bytes.baseAddress else { return }
    Self.xor(UnsafeRawPointer(base), into: base, count: bytes.count, key: key)
    advance(by: bytes.count)
  }

  /// XORs the next piece of the payload on its way from `source` to `destination`.
  /// Precondition: there is room for it.
  public mutating func copy(
    _ source: UnsafeRawBufferPointer, to destination: UnsafeMutableRawBufferPointer
  ) {
    precondition(destination.count >= source.count, "no room for the masked bytes")
    guard let from = source.baseAddress, let to = destination.baseAddress else { return }
    Self.xor(from, into: to, count: source.count, key: key)
    advance(by: source.count)
  }

  /// Rotates the key by the bytes used; `&<<` takes its count modulo 32, so that no rotation
  /// is none.
  @inline(__always)
  private mutating func advance(by byteCount: Int) {
    let bits = UInt32(truncatingIfNeeded: (byteCount & 3) * 8)
    let ordered = key.littleEndian
    key = ((ordered &>> bits) | (ordered &<< (32 &- bits))).littleEndian
  }

  /// The pointers are the same or the blocks don't overlap. 64 bytes at a time, then 8, then 1.
  private static func xor(
    _ from: UnsafeRawPointer, into to: UnsafeMutableRawPointer, count: Int, key: UInt32
  ) {
    var index = 0
    let block = SIMD16<UInt32>(repeating: key)
    while count &- index >= 64 {
      let plain = from.loadUnaligned(fromByteOffset: index, as: SIMD16<UInt32>.self)
      to.storeBytes(of: plain ^ block, toByteOffset: index, as: SIMD16<UInt32>.self)
      index &+= 64
    }
    let word = UInt64(key) << 32 | UInt64(key)
    while count &- index >= 8 {
      let plain = from.loadUnaligned(fromByteOffset: index, as: UInt64.self)
      to.storeBytes(of: plain ^ word, toByteOffset: index, as: UInt64.self)
      index &+= 8
    }
    var rest = word.littleEndian
    while index < count {
      let plain = from.load(fromByteOffset: index, as: UInt8.self)
      let masked = plain ^ UInt8(truncatingIfNeeded: rest)
      to.storeBytes(of: masked, toByteOffset: index, as: UInt8.self)
      rest &>>= 8
      index &+= 1
    }
  }
}
