/// Why a text is not JSON (RFC 8259) within our limits, and where.
struct JSONError: Error, Equatable, Sendable {
  enum Reason: Equatable, Sendable {
    case unexpectedEnd
    case unexpectedByte
    case trailingBytes
    case controlCharacter
    case invalidEscape
    case loneSurrogate
    case invalidUTF8
    case numberOutOfRange
    case duplicateName
    case tooDeep
    case tooManyElements
  }

  let reason: Reason
  /// Bytes before the fault.
  let offset: Int
}

extension JSONError: CustomStringConvertible {
  /// Never quotes the input, which may hold secrets.
  var description: String { "\(reason.text) at byte \(offset)" }
}

extension JSONError.Reason {
  var text: String {
    switch self {
    case .unexpectedEnd: "unexpected end of JSON"
    case .unexpectedByte: "unexpected character in JSON"
    case .trailingBytes: "bytes after the JSON value"
    case .controlCharacter: "unescaped control character in a JSON string"
    case .invalidEscape: "invalid escape in a JSON string"
    case .loneSurrogate: "lone surrogate in a JSON string"
    case .invalidUTF8: "invalid UTF-8 in a JSON string"
    case .numberOutOfRange: "JSON number out of range"
    case .duplicateName: "duplicate name in a JSON object"
    case .tooDeep: "JSON nested too deeply"
    case .tooManyElements: "too many elements in JSON"
    }
  }
}
