internal import Glibc

/// The end of what bubblewrap and the sidecar wrote, made fit for an error's text.
///
/// The sandbox's own processes may have written it: it is bounded and holds nothing that moves a
/// terminal's cursor.
enum LogTail {
  /// Blocks. Empty if there is no such file.
  static func read(_ path: String) -> String {
    guard let file = try? OwnedDescriptor.open(path, O_RDONLY | O_NOFOLLOW) else { return "" }
    let size = lseek(file.raw, 0, SEEK_END)
    let start = max(0, size - off_t(LocalLimits.logTailBytes))
    var bytes = [UInt8](repeating: 0, count: LocalLimits.logTailBytes)
    let count = pread(file.raw, &bytes, bytes.count, start)
    return clean(bytes[..<max(0, count)])
  }

  /// One line: runs of white space and control characters become a space, bad UTF-8 is replaced.
  static func clean(_ bytes: ArraySlice<UInt8>) -> String {
    let scalars = String(decoding: bytes, as: UTF8.self).unicodeScalars
    let words = scalars.split { isSeparator($0) }
    return words.map { String($0) }.joined(separator: " ")
  }

  private static func isSeparator(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .spaceSeparator: true
    default: false
    }
  }
}
