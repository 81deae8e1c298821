/// How many files are streamed over HTTP now: each holds descriptors and a few pieces.
final class FileStreams {
  private let limit: Int
  private(set) var count = 0

  init(limit: Int) { self.limit = limit }

  /// False at the limit; else `leave()` follows once.
  func enter() -> Bool {
    if count == limit { return false }
    count += 1
    return true
  }

  func leave() { count -= 1 }
}
