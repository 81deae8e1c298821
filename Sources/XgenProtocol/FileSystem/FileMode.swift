/// A file's permissions as text: octal digits, as for chmod.
public enum FileMode {
  /// nil for anything but one to five octal digits of at most `WireLimits.maxFileMode`.
  public static func parse(_ text: String) -> UInt32? {
    guard (1...5).contains(text.utf8.count),
      text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "7")).contains($0) }),
      let mode = UInt32(text, radix: 8), mode <= WireLimits.maxFileMode
    else { return nil }
    return mode
  }
}
