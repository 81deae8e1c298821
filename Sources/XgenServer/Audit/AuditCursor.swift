/// Where a page of the audit log ended: in which file, and how far from its start.
///
/// Files are renamed as they age, and their numbers used again; so a file goes by its identity, a
/// digest of its first line. For clients a cursor is opaque.
struct AuditCursor: Sendable, Equatable {
  let file: AuditFileIdentity
  /// Lines that end here or before come next.
  let offset: Int

  var text: String { Base64URL.encode(file.digest + Self.bytes(UInt64(offset))) }

  /// Nil for what we never gave out.
  init?(_ text: String) {
    guard let bytes = Base64URL.decode(text),
      bytes.count == AuditFileIdentity.byteCount + MemoryLayout<UInt64>.size
    else { return nil }
    let number = bytes[AuditFileIdentity.byteCount...].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    file = AuditFileIdentity(digest: Array(bytes[..<AuditFileIdentity.byteCount]))
    offset = Int(clamping: number)
  }

  init(file: AuditFileIdentity, offset: Int) {
    self.file = file
    self.offset = offset
  }

  private static func bytes(_ number: UInt64) -> [UInt8] {
    withUnsafeBytes(of: number.bigEndian) { Array($0) }
  }
}

/// Which file it is, whatever its name is now.
struct AuditFileIdentity: Sendable, Equatable {
  static let byteCount = 8
  let digest: [UInt8]

  init(digest: [UInt8]) { self.digest = digest }

  /// `start` is the file's first `AuditLimits.identityBytes`, or all of it.
  init(start: [UInt8]) {
    let line = start.prefix(AuditLimits.identityBytes).prefix { $0 != 0x0A }
    digest = Array(SHA256.hash(Array(line)).prefix(Self.byteCount))
  }
}
