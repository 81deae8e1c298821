internal import Reactor

/// What Origin and Location have to do with a preview's own name. Pure; by bytes.
enum PreviewOrigin {
  private static let https: StaticString = "https://"
  private static let http: StaticString = "http://"

  /// Whether an Origin is that of pages of the host which the request is addressed to. Without
  /// TLS here there may be some before us, so that the scheme may be either.
  static func isOwn(
    _ origin: UnsafeRawBufferPointer, of authority: UnsafeRawBufferPointer, isHTTPS: Bool
  ) -> Bool {
    if let rest = rest(of: origin, behind: https) { return isSame(rest, authority) }
    guard !isHTTPS, let rest = rest(of: origin, behind: http) else { return false }
    return isSame(rest, authority)
  }

  /// What follows `http://localhost:{port}` in a Location; nil if it leads elsewhere.
  static func path(
    ofLocation location: UnsafeRawBufferPointer, onPort port: UInt16
  ) -> UnsafeRawBufferPointer? {
    guard let authority = rest(of: location, behind: http) else { return nil }
    let end = authority.firstIndex { $0 == 0x2F || $0 == 0x3F || $0 == 0x23 } ?? authority.count
    var local = "localhost:\(port)"
    let isLocal = local.withUTF8 {
      isSame(UnsafeRawBufferPointer(rebasing: authority[..<end]), UnsafeRawBufferPointer($0))
    }
    return isLocal ? UnsafeRawBufferPointer(rebasing: authority[end...]) : nil
  }

  private static func rest(
    of text: UnsafeRawBufferPointer, behind scheme: StaticString
  ) -> UnsafeRawBufferPointer? {
    let count = scheme.utf8CodeUnitCount
    guard text.count > count, UnsafeRawBufferPointer(rebasing: text[..<count]).spells(scheme)
    else { return nil }
    return UnsafeRawBufferPointer(rebasing: text[count...])
  }

  /// In any case.
  private static func isSame(
    _ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer
  ) -> Bool {
    left.count == right.count
      && zip(left, right).allSatisfy { $0.asciiLowercased == $1.asciiLowercased }
  }
}
