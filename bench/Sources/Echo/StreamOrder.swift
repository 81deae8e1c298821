/// What a client says to `sidecar-echo`, in text messages, for it to be more than an echo, and
/// what it answers. Numbers are decimal.
///
/// ```
/// download SIZE ORIGIN         messages of SIZE bytes come until `stop`
/// upload SIZE ORIGIN EVERY     after each EVERY messages comes `count N`
/// stop                         is answered with `stopped N`
/// count N, stopped N           so many messages since the connection's begin
/// ```
/// A download's message begins with when it was sent, 8 bytes; the rest, and all of an upload's
/// message, is the pattern of `EchoPattern` from ORIGIN on.
enum StreamOrder: Equatable {
  case download(messageBytes: Int, origin: Int)
  case upload(messageBytes: Int, origin: Int, countEvery: Int)
  case stop
  case count(Int)
  case stopped(Int)

  static let sizes = StreamOrder.stampBytes + 1...1024 * 1024
  /// Nanoseconds of CLOCK_MONOTONIC, little-endian: both ends are on one machine.
  static let stampBytes = 8

  /// Nil if it is none.
  init?(_ text: String) {
    let words = text.split(separator: " ", omittingEmptySubsequences: false)
    let numbers = words.dropFirst().compactMap { Int($0) }.filter { $0 >= 0 }
    guard numbers.count == words.count - 1 else { return nil }
    switch (words[0], numbers.count) {
    case ("download", 2): self = .download(messageBytes: numbers[0], origin: numbers[1])
    case ("upload", 3) where numbers[2] > 0:
      self = .upload(messageBytes: numbers[0], origin: numbers[1], countEvery: numbers[2])
    case ("stop", 0): self = .stop
    case ("count", 1): self = .count(numbers[0])
    case ("stopped", 1): self = .stopped(numbers[0])
    default: return nil
    }
    switch self {
    case .download(let bytes, _), .upload(let bytes, _, _):
      if !Self.sizes.contains(bytes) { return nil }
    case .stop, .count, .stopped: break
    }
  }

  var text: String {
    switch self {
    case .download(let bytes, let origin): "download \(bytes) \(origin)"
    case .upload(let bytes, let origin, let every): "upload \(bytes) \(origin) \(every)"
    case .stop: "stop"
    case .count(let count): "count \(count)"
    case .stopped(let count): "stopped \(count)"
    }
  }
}
