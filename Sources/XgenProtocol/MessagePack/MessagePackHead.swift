/// What stands at the start of a MessagePack value: the value itself where it is a scalar, the
/// length in bytes or elements where something follows.
///
/// ```
/// 00–7f  positive fixint   c4 c5 c6  bin 8/16/32    cc–cf     uint 8/16/32/64
/// 80–8f  fixmap            c7 c8 c9  ext 8/16/32    d0–d3     int 8/16/32/64
/// 90–9f  fixarray          ca cb     float 32/64    d9 da db  str 8/16/32
/// a0–bf  fixstr            d4–d8     fixext 1…16    dc dd     array 16/32
/// c0     nil               c2 c3     false, true    de df     map 16/32
/// c1     never used        e0–ff     negative fixint
/// ```
enum MessagePackHead: Equatable {
  case `nil`
  case boolean(Bool)
  case unsigned(UInt64)
  case signed(Int64)
  case float(Double)
  /// Bytes of UTF-8.
  case string(Int)
  /// Bytes.
  case binary(Int)
  /// Elements.
  case array(Int)
  /// Pairs.
  case map(Int)
  /// Bytes behind the extension's type byte.
  case ext(Int)

  var kind: MessagePackKind {
    switch self {
    case .nil: .nil
    case .boolean: .boolean
    case .unsigned, .signed: .integer
    case .float: .float
    case .string: .string
    case .binary: .binary
    case .array: .array
    case .map: .map
    case .ext: .ext
    }
  }
}

extension MessagePackHead {
  /// Reads the head at `offset` and moves `offset` behind it.
  static func parse(
    _ bytes: UnsafeRawBufferPointer, at offset: inout Int
  ) throws(MessagePackError) -> MessagePackHead {
    let format = try load(UInt8.self, bytes, &offset)
    switch format {
    case 0x00...0x7f: return .unsigned(UInt64(format))
    case 0x80...0x8f: return .map(Int(format & 0x0f))
    case 0x90...0x9f: return .array(Int(format & 0x0f))
    case 0xa0...0xbf: return .string(Int(format & 0x1f))
    case 0xe0...0xff: return .signed(Int64(Int8(bitPattern: format)))
    case 0xc0: return .nil
    case 0xc1: throw .unknownFormat(format)
    case 0xc2, 0xc3: return .boolean(format == 0xc3)
    case 0xca...0xd3: return try parseNumber(format, bytes, &offset)
    default: return try parseLength(format, bytes, &offset)
    }
  }

  private static func parseNumber(
    _ format: UInt8, _ bytes: UnsafeRawBufferPointer, _ offset: inout Int
  ) throws(MessagePackError) -> MessagePackHead {
    switch format {
    case 0xca: return .float(Double(Float(bitPattern: try load(UInt32.self, bytes, &offset))))
    case 0xcb: return .float(Double(bitPattern: try load(UInt64.self, bytes, &offset)))
    case 0xcc: return .unsigned(UInt64(try load(UInt8.self, bytes, &offset)))
    case 0xcd: return .unsigned(UInt64(try load(UInt16.self, bytes, &offset)))
    case 0xce: return .unsigned(UInt64(try load(UInt32.self, bytes, &offset)))
    case 0xcf: return .unsigned(try load(UInt64.self, bytes, &offset))
    case 0xd0: return .signed(Int64(try load(Int8.self, bytes, &offset)))
    case 0xd1: return .signed(Int64(try load(Int16.self, bytes, &offset)))
    case 0xd2: return .signed(Int64(try load(Int32.self, bytes, &offset)))
    case 0xd3: return .signed(try load(Int64.self, bytes, &offset))
    default: throw .unknownFormat(format)
    }
  }

  private static func parseLength(
    _ format: UInt8, _ bytes: UnsafeRawBufferPointer, _ offset: inout Int
  ) throws(MessagePackError) -> MessagePackHead {
    switch format {
    case 0xc4: return .binary(Int(try load(UInt8.self, bytes, &offset)))
    case 0xc5: return .binary(Int(try load(UInt16.self, bytes, &offset)))
    case 0xc6: return .binary(Int(try load(UInt32.self, bytes, &offset)))
    case 0xc7: return .ext(Int(try load(UInt8.self, bytes, &offset)))
    case 0xc8: return .ext(Int(try load(UInt16.self, bytes, &offset)))
    case 0xc9: return .ext(Int(try load(UInt32.self, bytes, &offset)))
    case 0xd4...0xd8: return .ext(1 << Int(format - 0xd4))
    case 0xd9: return .string(Int(try load(UInt8.self, bytes, &offset)))
    case 0xda: return .string(Int(try load(UInt16.self, bytes, &offset)))
    case 0xdb: return .string(Int(try load(UInt32.self, bytes, &offset)))
    case 0xdc: return .array(Int(try load(UInt16.self, bytes, &offset)))
    case 0xdd: return .array(Int(try load(UInt32.self, bytes, &offset)))
    case 0xde: return .map(Int(try load(UInt16.self, bytes, &offset)))
    case 0xdf: return .map(Int(try load(UInt32.self, bytes, &offset)))
    default: throw .unknownFormat(format)
    }
  }

  private static func load<T: FixedWidthInteger & BitwiseCopyable>(
    _ type: T.Type, _ bytes: UnsafeRawBufferPointer, _ offset: inout Int
  ) throws(MessagePackError) -> T {
    guard bytes.count - offset >= MemoryLayout<T>.size else { throw .truncated }
    defer { offset += MemoryLayout<T>.size }
    return T(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: T.self))
  }
}
