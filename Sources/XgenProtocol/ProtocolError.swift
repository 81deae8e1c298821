/// Why a payload or a path from a peer is refused. Always the peer's fault, never worth a retry.
public enum ProtocolError: Error, Equatable, Sendable {
  /// The payload is not the MessagePack it should be.
  case malformed(MessagePackError)
  case missingField(String)
  case duplicateField(String)
  case invalidField(String, FieldFault)
  /// The path leaves the workspace.
  case pathEscapesWorkspace
}

/// What is wrong with a field's value.
public enum FieldFault: Error, Equatable, Sendable {
  /// Not the MessagePack type that the field has, or broken inside.
  case encoding(MessagePackError)
  /// A NUL byte in a string that is bound for a C API.
  case containsNUL
  case empty
  case tooLong
  case tooMany
  case outOfRange
  /// Not one of the words that the field takes, or a name that cannot be one.
  case unrecognized
  /// The same name twice in `env`.
  case repeatedName
}

extension ProtocolError {
  /// The code of the `Error` message that answers it.
  public var code: ErrorCode {
    switch self {
    case .malformed, .missingField, .duplicateField, .invalidField: .invalidPayload
    case .pathEscapesWorkspace: .pathEscapesWorkspace
    }
  }

  /// The `Error` message that answers it. Names only our own fields, nothing the peer sent.
  public var payload: ErrorPayload {
    ErrorPayload(code: code, message: description)
  }
}

extension ProtocolError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .malformed(let error): "malformed payload: \(error)"
    case .missingField(let name): "missing field: \(name)"
    case .duplicateField(let name): "duplicate field: \(name)"
    case .invalidField(let name, let fault): "invalid field: \(name): \(fault)"
    case .pathEscapesWorkspace: "path leaves the workspace"
    }
  }
}

extension FieldFault: CustomStringConvertible {
  public var description: String {
    switch self {
    case .encoding(let error): "\(error)"
    case .containsNUL: "contains a NUL byte"
    case .empty: "is empty"
    case .tooLong: "is too long"
    case .tooMany: "has too many entries"
    case .outOfRange: "is out of range"
    case .unrecognized: "is not recognized"
    case .repeatedName: "has a name twice"
    }
  }
}
