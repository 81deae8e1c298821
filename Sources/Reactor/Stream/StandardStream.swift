internal import Glibc

/// Text to this process's stdout or stderr, written whole and at once; for programs' banners,
/// usage and log lines. It blocks where the reader does.
public enum StandardStream: Int32, Sendable {
  case output = 1
  case error = 2

  public func write(_ text: String) {
    var text = text
    text.withUTF8 { write(UnsafeRawBufferPointer($0)) }
  }

  public func write(_ bytes: UnsafeRawBufferPointer) {
    var rest = bytes
    while !rest.isEmpty {
      let count = Glibc.write(rawValue, rest.baseAddress, rest.count)
      if count < 0 && errno != EINTR { return }
      if count > 0 { rest = UnsafeRawBufferPointer(rebasing: rest[count...]) }
    }
  }
}
