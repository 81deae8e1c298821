/// Writes messages to the end of a buffer (RFC 9112). What it writes, the parsers here read back.
///
/// Content-Length and Transfer-Encoding follow from the framing alone: fields of these names are
/// left out, so that a message never has two lengths.
public enum HTTPEncoder {
  /// A response head. `keepAlive: false` adds `Connection: close`, as does `.untilClose`; a
  /// HTTP/1.0 client is told that the connection stays open. For the answer to a HEAD, `framing`
  /// is that of the body which is not sent. The fields come in three parts, so that nobody has to
  /// make one list of them.
  ///
  /// Precondition: 100 ≤ status ≤ 999.
  public static func responseHead(
    _ status: Int, first: HTTPField? = nil, fields: [HTTPField], _ more: [HTTPField] = [],
    framing: HTTPBodyFraming, keepAlive: Bool = true, to version: HTTPVersion = .http11,
    into buffer: inout ByteBuffer
  ) {
    precondition((100...999).contains(status), "a status has three digits")
    precondition(version == .http11 || framing != .chunked, "HTTP/1.0 knows no chunks")
    statusLine(status, &buffer)
    if let first { append(first, &buffer) }
    for field in fields where field.role != .framing { append(field, &buffer) }
    for field in more where field.role != .framing { append(field, &buffer) }
    // Neither may have them (RFC 9110 §8.6, RFC 9112 §6.1).
    if status >= 200, status != 204 { append(framing, &buffer) }
    appendConnection(keepAlive && framing != .untilClose, version, status, &buffer)
    buffer.append("\r\n")
  }

  /// A request head with the one Host that it must have; fields named Host are left out.
  ///
  /// Throws if the method, the target or the host can't be written as such. Precondition: a
  /// request is not framed by its connection's end.
  public static func requestHead(
    _ method: HTTPMethod, target: String, host: String, fields: [HTTPField],
    framing: HTTPBodyFraming, keepAlive: Bool = true, into buffer: inout ByteBuffer
  ) throws(HTTPParseError) {
    precondition(framing != .untilClose, "a request's body has a length or chunks")
    guard HTTPField.isName(method.name), method.name.utf8.count <= HTTPLimits.maxMethodBytes
    else { throw .invalidMethod }
    guard isTarget(target) else { throw .invalidTarget }
    guard HTTPHost(host) != nil else { throw .invalidHost }
    buffer.append(utf8: method.name)
    buffer.append(" ")
    buffer.append(utf8: target)
    buffer.append(" HTTP/1.1\r\nHost: ")
    buffer.append(utf8: host)
    buffer.append("\r\n")
    for field in fields where field.role == .plain { append(field, &buffer) }
    append(framing, &buffer)
    appendConnection(keepAlive, .http11, 0, &buffer)
    buffer.append("\r\n")
  }

  /// What stands before a chunk's data. Precondition: the chunk is not empty, which would end
  /// the body.
  public static func chunkHead(byteCount: Int, into buffer: inout ByteBuffer) {
    precondition(byteCount > 0, "an empty chunk is the last one")
    var shift = (Int.bitWidth - 1 - byteCount.leadingZeroBitCount) & ~3
    while shift >= 0 {
      let digit = UInt8(truncatingIfNeeded: byteCount >> shift) & 15
      buffer.append(digit < 10 ? 0x30 + digit : 0x61 + digit - 10)
      shift -= 4
    }
    buffer.append("\r\n")
  }

  /// What stands behind a chunk's data.
  public static func chunkEnd(into buffer: inout ByteBuffer) { buffer.append("\r\n") }

  /// A chunk whole. An empty one is left out.
  public static func chunk(_ data: UnsafeRawBufferPointer, into buffer: inout ByteBuffer) {
    if data.isEmpty { return }
    chunkHead(byteCount: data.count, into: &buffer)
    buffer.append(data)
    chunkEnd(into: &buffer)
  }

  /// The end of a chunked body.
  public static func lastChunk(into buffer: inout ByteBuffer) { buffer.append("0\r\n\r\n") }

  /// The interim response to `Expect: 100-continue`.
  public static func continueHead(into buffer: inout ByteBuffer) {
    buffer.append("HTTP/1.1 100 Continue\r\n\r\n")
  }

  /// The version is ours, not the client's (RFC 9110 §6.2).
  private static func statusLine(_ status: Int, _ buffer: inout ByteBuffer) {
    if status == 200 {
      buffer.append("HTTP/1.1 200 OK\r\n")
      return
    }
    buffer.append("HTTP/1.1 ")
    buffer.append(decimal: UInt64(status))
    buffer.append(" ")
    buffer.append(HTTPReason.phrase(status))
    buffer.append("\r\n")
  }

  private static func append(_ field: HTTPField, _ buffer: inout ByteBuffer) {
    let count = field.name.utf8.count + field.value.utf8.count + 4
    buffer.append(uninitialized: count) { room in
      var end = copy(field.name, to: room, at: 0)
      room[end] = ASCII.colon
      room[end + 1] = ASCII.space
      end = copy(field.value, to: room, at: end + 2)
      room[end] = ASCII.carriageReturn
      room[end + 1] = ASCII.lineFeed
      return count
    }
  }

  /// Returns where it ends.
  private static func copy(
    _ text: String, to room: UnsafeMutableRawBufferPointer, at start: Int
  ) -> Int {
    let end = start + text.utf8.count
    let place = UnsafeMutableRawBufferPointer(rebasing: room[start..<end])
    let isDone: Void? = text.utf8.withContiguousStorageIfAvailable {
      place.copyMemory(from: UnsafeRawBufferPointer($0))
    }
    if isDone == nil { place.copyBytes(from: text.utf8) }
    return end
  }

  /// What tells the length of a message's body; nothing where it has none.
  static func append(_ framing: HTTPBodyFraming, _ buffer: inout ByteBuffer) {
    switch framing {
    case .length(let count):
      buffer.append("Content-Length: ")
      buffer.append(decimal: count)
      buffer.append("\r\n")
    case .chunked: buffer.append("Transfer-Encoding: chunked\r\n")
    case .none, .untilClose: break
    }
  }

  private static func appendConnection(
    _ keepAlive: Bool, _ version: HTTPVersion, _ status: Int, _ buffer: inout ByteBuffer
  ) {
    // An interim response says nothing about the connection's end; a 101 has its own option.
    if (100..<200).contains(status) { return }
    if !keepAlive {
      buffer.append("Connection: close\r\n")
    } else if version == .http10 {
      buffer.append("Connection: keep-alive\r\n")
    }
  }

  /// Whether these bytes stay one target, whatever its form.
  private static func isTarget(_ target: String) -> Bool {
    !target.isEmpty
      && target.utf8.allSatisfy {
        ByteSet.target.contains($0) || $0 == ASCII.percent || $0 == ASCII.question
          || $0 == ASCII.backslash
      }
  }
}
