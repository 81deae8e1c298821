internal import Reactor

/// What a sidecar says of a file that it sends, checked. The server writes its own head from it;
/// no header is passed on.
struct FileHead: Equatable, Sendable {
  enum Content: Equatable, Sendable {
    case whole(byteCount: UInt64)
    case part(HTTPContentRange)
    /// The client has this state already.
    case unchanged
  }

  let tag: HTTPEntityTag
  let content: Content

  /// Longer tags are none of a sidecar of ours.
  private static let maxTagBytes = 96

  /// Nil for an answer that contradicts itself or what was asked.
  init?(_ head: HTTPResponseHead, to method: HTTPMethod, _ asked: HTTPConditions) {
    guard let tag = Self.tag(head.headers) else { return nil }
    self.tag = tag
    switch head.status {
    case 200:
      guard let byteCount = Self.byteCount(head, method) else { return nil }
      content = .whole(byteCount: byteCount)
    case 206:
      guard let range = Self.range(head, method, asked.range) else { return nil }
      content = .part(range)
    case 304:
      guard asked.ifNoneMatch?.matchesWeakly(tag) == true else { return nil }
      content = .unchanged
    default: return nil
    }
  }

  /// The one strong tag of a head, in our own alphabet.
  static func tag(_ headers: HTTPFields) -> HTTPEntityTag? {
    guard headers.count(of: "etag") == 1, let value = headers["etag"],
      value.utf8.count <= maxTagBytes, let tag = HTTPEntityTag(value), !tag.isWeak, tag.isPlain
    else { return nil }
    return tag
  }

  /// The body's length, which must be told; for HEAD, that of the body that is not sent.
  private static func byteCount(_ head: HTTPResponseHead, _ method: HTTPMethod) -> UInt64? {
    if method == .head { return head.headers["content-length"].flatMap { UInt64($0) } }
    guard case .length(let byteCount) = head.framing else { return nil }
    return byteCount
  }

  private static func range(
    _ head: HTTPResponseHead, _ method: HTTPMethod, _ asked: HTTPByteRange?
  ) -> HTTPContentRange? {
    guard let asked, head.headers.count(of: "content-range") == 1,
      let told = head.headers["content-range"].flatMap(HTTPContentRange.init),
      let range = told.range, asked.resolved(in: told.size) == range,
      told.size <= UInt64(Int64.max), byteCount(head, method) == UInt64(range.count)
    else { return nil }
    return told
  }

  // MARK: The client's side

  var status: Int {
    switch content {
    case .whole: 200
    case .part: 206
    case .unchanged: 304
    }
  }

  /// Bytes of the body.
  var byteCount: UInt64 {
    switch content {
    case .whole(let byteCount): byteCount
    case .part(let told): told.range.map { UInt64($0.count) } ?? 0
    case .unchanged: 0
    }
  }

  func fields(named name: String) -> [HTTPField] {
    var fields =
      FileFields.inert + [
        HTTPField(fixed: "Content-Type", "application/octet-stream"),
        HTTPField(fixed: "Accept-Ranges", "bytes"), .attachment(named: name), FileFields.tag(tag),
      ]
    if case .part(let range) = content { fields.append(FileFields.contentRange(range)) }
    return fields
  }
}

/// Headers of answers that hold what a sandbox made.
enum FileFields {
  /// Nothing in the body runs on the API's origin, however a browser came to it.
  static let inert = [
    HTTPField(fixed: "X-Content-Type-Options", "nosniff"),
    HTTPField(fixed: "Content-Security-Policy", "sandbox"),
    HTTPField(fixed: "Cache-Control", "private, no-cache"),
  ]

  static func tag(_ tag: HTTPEntityTag) -> HTTPField { field("ETag", tag.value) }

  static func contentRange(_ range: HTTPContentRange) -> HTTPField {
    field("Content-Range", range.value)
  }

  private static func field(_ name: String, _ value: String) -> HTTPField {
    guard let field = HTTPField(name, value) else {
      preconditionFailure("\(name) was written from checked values")
    }
    return field
  }
}
