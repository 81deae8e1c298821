/// Why bytes are not the MessagePack that the reader was asked for.
public enum MessagePackError: Error, Equatable, Sendable {
  /// The bytes end inside a value.
  case truncated
  case typeMismatch(expected: MessagePackKind)
  /// Deeper than `WireLimits.maxNestingDepth`.
  case depthExceeded
  /// An array or map claims more elements than the bytes behind it could hold, or more than
  /// `WireLimits` allows.
  case tooManyElements
  case invalidUTF8
  case integerOutOfRange
  /// Bytes behind the value that should be the whole payload.
  case trailingBytes
  /// 0xc1, which the format never uses.
  case unknownFormat(UInt8)
}

/// A value's type, as the MessagePack specification names its families.
public enum MessagePackKind: String, Sendable {
  case `nil`, boolean, integer, float, string, binary, array, map
  case ext = "extension"
}

extension MessagePackError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .truncated: "ends too early"
    case .typeMismatch(let expected): "expected \(expected.rawValue)"
    case .depthExceeded: "nested too deeply"
    case .tooManyElements: "too many elements"
    case .invalidUTF8: "string is not UTF-8"
    case .integerOutOfRange: "integer out of range"
    case .trailingBytes: "trailing bytes"
    case .unknownFormat(let byte): "unknown format byte \(byte)"
    }
  }
}
