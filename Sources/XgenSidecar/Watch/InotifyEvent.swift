import Glibc

/// One event as the kernel hands it out (inotify(7)):
///
/// ```
///  0        4        8          12      16
/// ┌────────┬────────┬──────────┬───────┬──────────────────┐
/// │ wd     │ mask   │ cookie   │ len   │ name, NUL-padded │
/// └────────┴────────┴──────────┴───────┴──────────────────┘
/// ```
struct InotifyEvent: Equatable {
  static let headBytes = 16

  /// -1 for an overflow.
  let watch: Int32
  let mask: UInt32
  /// Empty where the watched folder itself is meant.
  let name: String

  func has(_ flags: Int32) -> Bool { mask & UInt32(bitPattern: flags) != 0 }

  var isDirectory: Bool { has(Int32(IN_ISDIR)) }

  /// All events of one read. A cut tail, which the kernel never hands out, is left.
  static func parse(_ bytes: UnsafeRawBufferPointer) -> [InotifyEvent] {
    var events: [InotifyEvent] = []
    var offset = 0
    while bytes.count - offset >= headBytes {
      let length = Int(bytes.loadUnaligned(fromByteOffset: offset + 12, as: UInt32.self))
      guard length <= bytes.count - offset - headBytes else { break }
      let name = bytes[(offset + headBytes)..<(offset + headBytes + length)].prefix { $0 != 0 }
      events.append(
        InotifyEvent(
          watch: bytes.loadUnaligned(fromByteOffset: offset, as: Int32.self),
          mask: bytes.loadUnaligned(fromByteOffset: offset + 4, as: UInt32.self),
          name: String(decoding: name, as: UTF8.self)))
      offset += headBytes + length
    }
    return events
  }
}
