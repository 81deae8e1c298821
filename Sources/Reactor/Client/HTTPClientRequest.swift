/// A request that we make.
public struct HTTPClientRequest: Sendable {
  public var method = HTTPMethod.get
  public var target: String
  public var host: String
  public var fields: [HTTPField] = []
  public var body = Body.bytes([])
  /// Whether its fields ask for another protocol, so that a 101 is an answer.
  public var asksUpgrade = false
  public var timeouts = HTTPClientTimeouts()
  /// For a response's body that is collected.
  public var maxResponseBytes = 1024 * 1024

  public enum Body: Sendable {
    case bytes([UInt8])
    /// Written piece by piece; nil for one of unknown length, which goes in chunks.
    case stream(length: UInt64?)
  }

  public init(target: String, host: String) {
    self.target = target
    self.host = host
  }

  /// How the body is framed: one that is empty has a length only where a body is expected
  /// (RFC 9110 §8.6).
  var framing: HTTPBodyFraming {
    switch body {
    case .bytes(let bytes) where !bytes.isEmpty: return .length(UInt64(bytes.count))
    case .stream(let length): return length.map { .length($0) } ?? .chunked
    case .bytes:
      switch method {
      case .post, .put, .patch: return .length(0)
      case .get, .head, .delete, .connect, .options, .trace, .other: return .none
      }
    }
  }

  /// Whether it can be sent once more without harm: its method is idempotent (RFC 9110 §9.2.2)
  /// and its body is still there.
  var isRepeatable: Bool {
    guard case .bytes = body else { return false }
    switch method {
    case .get, .head, .put, .delete, .options, .trace: return true
    case .post, .patch, .connect, .other: return false
    }
  }

  /// Appends the head, and the body if it is there.
  func write(keepAlive: Bool, into out: inout ByteBuffer) throws(HTTPParseError) {
    // Its answer would be a tunnel, which nobody here makes.
    if method == .connect { throw .invalidMethod }
    try HTTPEncoder.requestHead(
      method, target: target, host: host, fields: fields, framing: framing,
      keepAlive: keepAlive, into: &out)
    if case .bytes(let bytes) = body { out.append(bytes) }
  }
}

/// An answer whose body was collected.
public struct HTTPClientResponse: Sendable {
  public let head: HTTPResponseHead
  public let body: [UInt8]
}
