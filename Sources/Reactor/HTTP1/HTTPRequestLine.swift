/// The four forms of a request target (RFC 9112 §3.2).
public enum HTTPTargetForm: Sendable {
  /// `/path?query`
  case origin
  /// `http://host:port/path?query`: what a proxy is sent; the authority stands in for Host.
  case absolute
  /// `host:port`, for CONNECT only.
  case authority
  /// `*`, for OPTIONS only.
  case asterisk
}

/// Where the parts of a request line lie, as offsets into the head.
struct HTTPRequestLine: Sendable {
  var methodEnd: UInt16 = 0
  var targetEnd: UInt16 = 0
  /// The byte after the first `?`; 0 if there is none.
  var queryStart: UInt16 = 0
  var form = HTTPTargetForm.origin
  var authorityStart: UInt16 = 0
  var authorityEnd: UInt16 = 0
  var version = HTTPVersion.http11

  var method: Range<Int> { 0..<Int(methodEnd) }
  var targetStart: Int { Int(methodEnd) + 1 }
  var target: Range<Int> { targetStart..<Int(targetEnd) }
  /// Empty unless the form is absolute or authority.
  var authority: Range<Int> { Int(authorityStart)..<Int(authorityEnd) }

  var path: Range<Int> {
    let end = queryStart == 0 ? Int(targetEnd) : Int(queryStart) - 1
    return form == .absolute ? Int(authorityEnd)..<end : targetStart..<end
  }

  var query: Range<Int>? { queryStart == 0 ? nil : Int(queryStart)..<Int(targetEnd) }

  /// Finds the target's form. The method and the target are complete and their bytes are valid.
  mutating func classify(_ bytes: UnsafeRawBufferPointer) throws(HTTPParseError) {
    guard !target.isEmpty else { throw .invalidTarget }
    let method = HTTPMethod(bytes: UnsafeRawBufferPointer(rebasing: bytes[method]))
    if method == .connect {
      try classifyAuthority(bytes)
    } else if bytes[target.lowerBound] == ASCII.slash {
      form = .origin
    } else if target.count == 1, bytes[target.lowerBound] == UInt8(ascii: "*") {
      guard method == .options else { throw .invalidTarget }
      form = .asterisk
    } else {
      try classifyAbsolute(bytes)
    }
  }

  /// A host with a port that is not empty (RFC 9110 §9.3.6).
  private mutating func classifyAuthority(
    _ bytes: UnsafeRawBufferPointer
  ) throws(HTTPParseError) {
    guard HTTPHost.parse(bytes, in: target)?.port != nil else { throw .invalidTarget }
    form = .authority
    authorityStart = UInt16(target.lowerBound)
    authorityEnd = targetEnd
  }

  private mutating func classifyAbsolute(
    _ bytes: UnsafeRawBufferPointer
  ) throws(HTTPParseError) {
    guard let start = Self.endOfScheme(bytes, target) else { throw .invalidTarget }
    var end = start
    while end < target.upperBound, bytes[end] != ASCII.slash, bytes[end] != ASCII.question {
      end += 1
    }
    guard HTTPHost.parse(bytes, in: start..<end) != nil else { throw .invalidTarget }
    form = .absolute
    authorityStart = UInt16(start)
    authorityEnd = UInt16(end)
  }

  private static func endOfScheme(
    _ bytes: UnsafeRawBufferPointer, _ target: Range<Int>
  ) -> Int? {
    let start = target.lowerBound
    if target.count > 7, bytes.spells("http://", in: start..<start + 7) { return start + 7 }
    if target.count > 8, bytes.spells("https://", in: start..<start + 8) { return start + 8 }
    return nil
  }
}
