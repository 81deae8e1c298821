/// A request target, taken apart for routing: what a handler matches and reads.
///
/// A path is split at its slashes, then each segment is decoded, then `.` and `..` are resolved
/// (RFC 3986 §5.2.4, for the encoded ones as well). So a segment may hold a slash, from `%2F`:
/// **a segment is not a safe file name**.
///
/// | path | segments |
/// | --- | --- |
/// | `/` | none |
/// | `/a/b` | `a`, `b` |
/// | `/a/b/` | `a`, `b`, `` |
/// | `/a//b` | `a`, ``, `b` |
/// | `/a/%2e%2E/../b/.` | `b`, `` |
public struct HTTPTarget: Sendable, Equatable {
  public let segments: [String]
  public let query: HTTPQuery

  public static let maxSegments = 128

  /// Room for the segments of a usual path, in one allocation.
  private static let usualCount = 8

  /// `path` and `query` as they stand in a request line. `*` and an empty path have no segments.
  public init(path: String, query: String?) throws(HTTPParseError) {
    var path = path
    segments = try path.withUTF8 { bytes in
      Result { () throws(HTTPParseError) in try Self.segments(UnsafeRawBufferPointer(bytes)) }
    }.get()
    if let query { self.query = try HTTPQuery(query) } else { self.query = HTTPQuery() }
  }

  /// The same of the bytes.
  init(path: UnsafeRawBufferPointer, query: UnsafeRawBufferPointer?) throws(HTTPParseError) {
    segments = try Self.segments(path)
    if let query { self.query = try HTTPQuery(query) } else { self.query = HTTPQuery() }
  }

  private static func segments(
    _ path: UnsafeRawBufferPointer
  ) throws(HTTPParseError) -> [String] {
    if path.isEmpty || (path.count == 1 && path[0] == UInt8(ascii: "*")) { return [] }
    guard path[0] == ASCII.slash else { throw .invalidTarget }
    var segments: [String] = []
    segments.reserveCapacity(usualCount)
    var position = 1
    while position <= path.count {
      let end = path.firstIndex(of: ASCII.slash, in: position..<path.count)
      let raw = UnsafeRawBufferPointer(rebasing: path[position..<end])
      guard let segment = PercentDecoding.decode(raw, plusIsSpace: false) else {
        throw .invalidTarget
      }
      resolve(segment, isLast: end == path.count, &segments)
      guard segments.count <= maxSegments else { throw .tooManyPathSegments }
      position = end + 1
    }
    return segments.count == 1 && segments[0].isEmpty ? [] : segments
  }

  /// A dot segment at the end leaves the slash before it, hence an empty last segment.
  private static func resolve(_ segment: String, isLast: Bool, _ segments: inout [String]) {
    guard segment == "." || segment == ".." else {
      segments.append(segment)
      return
    }
    if segment == "..", !segments.isEmpty { segments.removeLast() }
    if isLast { segments.append("") }
  }
}
