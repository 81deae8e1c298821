/// Which fields of a message end with the connection that they came over (RFC 9110 §7.6.1): the
/// known ones, and what its Connection fields name.
struct HTTPHopByHop {
  /// Options of the message's Connection fields that are no standing ones; nearly always none.
  private var named: [Range<Int>] = []

  init(_ bytes: UnsafeRawBufferPointer, _ ranges: [HTTPFieldRange]) {
    for range in ranges where bytes.spells("connection", in: range.name) {
      var options = HTTPListIterator(bytes, in: range.value)
      while let option = options.next() {
        if !Self.isStanding(bytes, option) { named.append(option) }
      }
    }
  }

  /// Options that name no field which is not dropped anyway.
  private static func isStanding(_ bytes: UnsafeRawBufferPointer, _ option: Range<Int>) -> Bool {
    switch option.count {
    case 0: true
    case 5: bytes.spells("close", in: option)
    case 7: bytes.spells("upgrade", in: option)
    case 10: bytes.spells("keep-alive", in: option)
    default: false
    }
  }

  /// Whether the field goes no further. Content-Length and Host are among these: whoever writes
  /// the message anew says by itself how long it is and whom it is for, so that no Connection
  /// field can take them away.
  func drops(_ bytes: UnsafeRawBufferPointer, _ name: Range<Int>) -> Bool {
    if Self.isDropped(bytes, name) { return true }
    return named.contains { Self.equal(bytes, $0, name) }
  }

  /// Whether it is a name with `_` for `-` of a field that goes no further: to servers that hand
  /// fields on as variables (CGI, WSGI) both are one, and `Content_Length` a second length.
  static func isDisguised(_ bytes: UnsafeRawBufferPointer, _ name: Range<Int>) -> Bool {
    let plain = bytes[name].map { $0 == ASCII.underscore ? ASCII.minus : $0 }
    return plain.withUnsafeBytes { isDropped($0, 0..<plain.count) }
  }

  private static func isDropped(_ bytes: UnsafeRawBufferPointer, _ name: Range<Int>) -> Bool {
    switch name.count {
    case 2: bytes.spells("te", in: name)
    case 4: bytes.spells("host", in: name)
    case 6: bytes.spells("expect", in: name)
    case 7: bytes.spells("trailer", in: name) || bytes.spells("upgrade", in: name)
    case 10: bytes.spells("connection", in: name) || bytes.spells("keep-alive", in: name)
    case 14: bytes.spells("content-length", in: name) || bytes.spells("http2-settings", in: name)
    case 16: bytes.spells("proxy-connection", in: name)
    case 17: bytes.spells("transfer-encoding", in: name)
    case 18: bytes.spells("proxy-authenticate", in: name)
    case 19: bytes.spells("proxy-authorization", in: name)
    case 25: bytes.spells("proxy-authentication-info", in: name)
    default: false
    }
  }

  private static func equal(
    _ bytes: UnsafeRawBufferPointer, _ left: Range<Int>, _ right: Range<Int>
  ) -> Bool {
    guard left.count == right.count else { return false }
    for offset in 0..<left.count {
      let byte = ASCII.lowercased(bytes[left.lowerBound &+ offset])
      if byte != ASCII.lowercased(bytes[right.lowerBound &+ offset]) { return false }
    }
    return true
  }
}

extension HTTPFields {
  /// Appends the lines of a message that is passed on, as they came: without those that end with
  /// its connection, those that whoever passes it on writes by itself (Host, Content-Length,
  /// Transfer-Encoding, Expect; these also with `_` for `-`), and those that `keeps` does not want.
  ///
  /// Lines that stand together are copied together.
  public func appendForwarded(
    to buffer: inout ByteBuffer,
    where keeps: (_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) -> Bool
  ) {
    bytes.withUnsafeBytes { all in
      let hopByHop = HTTPHopByHop(all, ranges)
      var start = ranges.first.map { Int($0.nameStart) } ?? 0
      for (index, range) in ranges.enumerated() {
        let hasUnderscore =
          all.firstIndex(of: ASCII.underscore, in: range.name) < range.name.upperBound
        let isKept =
          !hopByHop.drops(all, range.name)
          && !(hasUnderscore && HTTPHopByHop.isDisguised(all, range.name))
          && keeps(
            UnsafeRawBufferPointer(rebasing: all[range.name]),
            UnsafeRawBufferPointer(rebasing: all[range.value]))
        if isKept { continue }
        buffer.append(UnsafeRawBufferPointer(rebasing: all[start..<Int(range.nameStart)]))
        start = endOfLine(index)
      }
      if !ranges.isEmpty {
        buffer.append(UnsafeRawBufferPointer(rebasing: all[start..<endOfLine(ranges.count - 1)]))
      }
    }
  }

  /// Behind the line's CRLF: where the next one starts, or the empty line that ends the head.
  private func endOfLine(_ index: Int) -> Int {
    index + 1 < ranges.count ? Int(ranges[index + 1].nameStart) : bytes.count - 2
  }
}

extension UnsafeRawBufferPointer {
  /// Whether all bytes together spell `lowercase`, in any case.
  public func spells(_ lowercase: StaticString) -> Bool { spells(lowercase, in: 0..<count) }
}
