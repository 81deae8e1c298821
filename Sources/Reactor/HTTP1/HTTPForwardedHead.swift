/// The query with which a request is passed on.
public enum HTTPForwardedQuery: Equatable, Sendable {
  case same, none
  case replaced(String)
}

extension HTTPRequestHead {
  /// Appends the request line as an origin server expects it, the target's bytes as they came: an
  /// absolute-form, which is addressed to a proxy, becomes an origin-form (RFC 9112 §3.2.1), or
  /// with OPTIONS and neither path nor query `*` (§3.2.4).
  public func appendForwardedLine(
    to buffer: inout ByteBuffer, query: HTTPForwardedQuery = .same
  ) {
    headers.bytes.withUnsafeBytes { all in
      func append(_ range: Range<Int>) {
        buffer.append(UnsafeRawBufferPointer(rebasing: all[range]))
      }
      if query == .same, line.form != .absolute {
        append(0..<line.target.upperBound)
      } else {
        append(line.method)
        buffer.append(" ")
        if !line.path.isEmpty {
          append(line.path)
        } else {
          buffer.append(method == .options && line.query == nil ? "*" : "/")
        }
        switch query {
        case .same:
          if let own = line.query { append(own.lowerBound - 1..<own.upperBound) }
        case .none: break
        case .replaced(let other):
          buffer.append("?")
          buffer.append(utf8: other)
        }
      }
      buffer.append(" HTTP/1.1\r\n")
    }
  }
}

extension HTTPResponseHead {
  /// Appends the status line with the reason's bytes as they came. The version is ours, not the
  /// server's (RFC 9110 §6.2).
  public func appendForwardedLine(to buffer: inout ByteBuffer) {
    headers.bytes.withUnsafeBytes { all in
      buffer.append("HTTP/1.1 ")
      let rest = HTTPVersion.byteCount + 1..<line.reason.upperBound
      buffer.append(UnsafeRawBufferPointer(rebasing: all[rest]))
      buffer.append("\r\n")
    }
  }
}
