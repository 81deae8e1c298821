/// Writes MessagePack in its smallest encoding, behind whatever bytes it was given.
public struct MessagePackWriter {
  public private(set) var bytes: [UInt8]

  public init(appendingTo bytes: [UInt8] = []) {
    self.bytes = bytes
  }

  public mutating func writeNil() {
    bytes.append(0xc0)
  }

  public mutating func write(_ value: Bool) {
    bytes.append(value ? 0xc3 : 0xc2)
  }

  public mutating func write(_ value: UInt64) {
    switch value {
    case 0...0x7f: bytes.append(UInt8(value))
    case 0...0xff: append(0xcc, UInt8(value))
    case 0...0xffff: append(0xcd, UInt16(value))
    case 0...0xffff_ffff: append(0xce, UInt32(value))
    default: append(0xcf, value)
    }
  }

  public mutating func write(_ value: Int64) {
    switch value {
    case 0...: write(UInt64(value))
    case -0x20..<0: bytes.append(UInt8(truncatingIfNeeded: value))
    case -0x80..<0: append(0xd0, Int8(value))
    case -0x8000..<0: append(0xd1, Int16(value))
    case -0x8000_0000..<0: append(0xd2, Int32(value))
    default: append(0xd3, value)
    }
  }

  public mutating func write(_ value: Double) {
    append(0xcb, value.bitPattern)
  }

  public mutating func write(_ text: String) {
    let count = text.utf8.count
    switch count {
    case 0...0x1f: bytes.append(0xa0 | UInt8(count))
    case 0...0xff: append(0xd9, UInt8(count))
    case 0...0xffff: append(0xda, UInt16(count))
    default: append(0xdb, UInt32(count))
    }
    bytes.append(contentsOf: text.utf8)
  }

  public mutating func writeBinary(_ data: UnsafeRawBufferPointer) {
    switch data.count {
    case 0...0xff: append(0xc4, UInt8(data.count))
    case 0...0xffff: append(0xc5, UInt16(data.count))
    default: append(0xc6, UInt32(data.count))
    }
    bytes.append(contentsOf: data)
  }

  public mutating func writeArrayHeader(_ count: Int) {
    switch count {
    case 0...0x0f: bytes.append(0x90 | UInt8(count))
    case 0...0xffff: append(0xdc, UInt16(count))
    default: append(0xdd, UInt32(count))
    }
  }

  /// `pairs` keys and values must follow.
  public mutating func writeMapHeader(_ pairs: Int) {
    switch pairs {
    case 0...0x0f: bytes.append(0x80 | UInt8(pairs))
    case 0...0xffff: append(0xde, UInt16(pairs))
    default: append(0xdf, UInt32(pairs))
    }
  }

  /// Bytes as they are, for the payloads that the table calls raw.
  mutating func writeRaw(_ data: UnsafeRawBufferPointer) {
    bytes.append(contentsOf: data)
  }

  /// Four bytes, big endian, for the process id before raw bytes.
  mutating func writeRawUInt32(_ value: UInt32) {
    withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
  }

  private mutating func append<T: FixedWidthInteger>(_ format: UInt8, _ value: T) {
    bytes.append(format)
    withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
  }
}

extension MessagePackWriter {
  /// Writes one key and its value; `writeMapHeader` has counted it.
  mutating func field(_ name: String, _ value: String) {
    write(name)
    write(value)
  }

  mutating func field(_ name: String, _ value: Bool) {
    write(name)
    write(value)
  }

  mutating func field(_ name: String, _ value: Double) {
    write(name)
    write(value)
  }

  mutating func field<T: UnsignedInteger>(_ name: String, _ value: T) {
    write(name)
    write(UInt64(value))
  }

  mutating func field<T: SignedInteger>(_ name: String, _ value: T) {
    write(name)
    write(Int64(value))
  }
}
