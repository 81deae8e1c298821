internal import Reactor

/// Cookies on their way between clients and sandboxes: ours stays with the server, and a sandbox
/// sets none for its neighbours. Pure; by bytes, since both sides may send any.
enum PreviewCookies {
  /// Our cookie, over https: browsers take the prefix only from the host itself, over TLS
  /// (RFC 6265bis §4.1.3.2).
  static let secureName: StaticString = "__Host-xgen-preview"
  /// Over plain http, which is for development.
  static let plainName: StaticString = "xgen-preview"

  private static let semicolon = UInt8(ascii: ";")
  private static let equals = UInt8(ascii: "=")

  // MARK: Cookie

  /// The values of our cookies in a Cookie field; nil without any, which is the usual case. Over
  /// https only the name counts that no neighbour can set; the other one is ours to hide as well.
  static func own(in field: UnsafeRawBufferPointer, isHTTPS: Bool) -> [String]? {
    var found: [String]?
    forEachPart(of: field) { part in
      let pair = split(part)
      guard isOwn(pair.name) else { return }
      found = found ?? []
      let isSecure = pair.name.count == secureName.utf8CodeUnitCount
      if isSecure == isHTTPS { found?.append(String(decoding: pair.value, as: UTF8.self)) }
    }
    return found
  }

  /// A Cookie field without ours; empty if nothing is left.
  static func withoutOwn(_ field: UnsafeRawBufferPointer) -> [UInt8] {
    var kept: [UInt8] = []
    forEachPart(of: field) { part in
      if isOwn(split(part).name) || trimmed(part).isEmpty { return }
      if !kept.isEmpty { kept += [semicolon, UInt8(ascii: " ")] }
      kept += trimmed(part)
    }
    return kept
  }

  // MARK: Set-Cookie

  enum Fate: Equatable {
    case kept, dropped
    case edited([UInt8])
  }

  /// What becomes of a sandbox's Set-Cookie: without a Domain it is for its own host alone, and one
  /// of our name is not its to set.
  static func fate(ofSetCookie field: UnsafeRawBufferPointer) -> Fate {
    var kept: [UInt8] = []
    var isFirst = true
    var isOwn = false
    var isEdited = false
    forEachPart(of: field) { part in
      let name = split(part).name
      if isFirst {
        isFirst = false
        isOwn = Self.isOwn(name)
        kept += part
      } else if name.spells("domain") {
        isEdited = true
      } else {
        kept.append(semicolon)
        kept += part
      }
    }
    if isOwn { return .dropped }
    return isEdited ? .edited(kept) : .kept
  }

  // MARK: Parts

  private static func forEachPart(
    of field: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Void
  ) {
    var start = 0
    while start <= field.count {
      var end = start
      while end < field.count, field[end] != semicolon { end &+= 1 }
      body(UnsafeRawBufferPointer(rebasing: field[start..<end]))
      start = end + 1
    }
  }

  /// At the first `=` that has something before it: browsers send a cookie without a name, whose
  /// value is `a=b`, as one of the name `a` (RFC 6265bis §5.7).
  private static func split(
    _ part: UnsafeRawBufferPointer
  ) -> (name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) {
    var start = 0
    while start < part.count, isBlank(part[start]) || part[start] == equals { start &+= 1 }
    let rest = UnsafeRawBufferPointer(rebasing: part[start...])
    let end = rest.firstIndex(of: equals) ?? rest.count
    let valueStart = min(end + 1, rest.count)
    return (
      trimmed(UnsafeRawBufferPointer(rebasing: rest[..<end])),
      trimmed(UnsafeRawBufferPointer(rebasing: rest[valueStart...]))
    )
  }

  /// In any case: the prefix is compared so (RFC 6265bis §5.7).
  private static func isOwn(_ name: UnsafeRawBufferPointer) -> Bool {
    name.count >= plainName.utf8CodeUnitCount
      && (name.spells("xgen-preview") || name.spells("__host-xgen-preview"))
  }

  private static func trimmed(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
    var start = 0
    var end = bytes.count
    while start < end, isBlank(bytes[start]) { start &+= 1 }
    while end > start, isBlank(bytes[end &- 1]) { end &-= 1 }
    return UnsafeRawBufferPointer(rebasing: bytes[start..<end])
  }

  private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
}
