/// The lines of a file from its end to its start, read piece by piece. Pure: whoever calls reads.
///
/// A line longer than `AuditLimits.maxLineBytes` is left out; memory is bounded by that and one
/// piece.
struct ReverseLines {
  struct Line: Equatable {
    /// Of the line's first byte in the file.
    let start: Int
    /// Without its newline.
    let bytes: [UInt8]
  }

  enum Step: Equatable {
    case line(Line)
    /// Bytes of the file that are needed next; to be given to `add`.
    case read(Range<Int>)
    case end
  }

  /// The file's bytes from `base` to where the lines that were given out begin.
  private var bytes: [UInt8] = []
  private var base: Int
  /// The line at the end of `bytes` is too long, and its end is dropped already.
  private var isDropping = false

  /// Lines that end at `end` or before.
  init(end: Int) { base = end }

  mutating func next() -> Step {
    while true {
      // While the end of a line is dropped, its start may be right behind this newline.
      let content = bytes.last == 0x0A && !isDropping ? bytes.dropLast() : bytes[...]
      if let newline = content.lastIndex(of: 0x0A) {
        if let line = take(from: newline + 1, content) { return .line(line) }
      } else if base > 0 {
        if content.count > AuditLimits.maxLineBytes {
          isDropping = true
          bytes.removeAll()
        }
        return .read(max(0, base - AuditLimits.readBytes)..<base)
      } else if bytes.isEmpty {
        return .end
      } else if let line = take(from: 0, content) {
        return .line(line)
      }
    }
  }

  /// What was asked for. Precondition: it is as long as that.
  mutating func add(_ piece: [UInt8]) {
    base -= piece.count
    precondition(base >= 0, "more than was asked for")
    bytes = piece + bytes
  }

  /// Gives out the last line; nil if it is too long.
  private mutating func take(from start: Int, _ content: ArraySlice<UInt8>) -> Line? {
    let isWhole = !isDropping && content.count - start <= AuditLimits.maxLineBytes
    let line = isWhole ? Line(start: base + start, bytes: Array(content[start...])) : nil
    isDropping = false
    bytes.removeSubrange(start...)
    return line
  }
}
