internal import Reactor

/// The X-Request-Id of a request: the client's own if it is fit to be logged, else a random one.
enum RequestID {
  private static let field = HTTPField(fixed: "X-Request-Id", "-")

  fileprivate static func ofClient(_ head: HTTPRequestHead) -> String? {
    head.headers["x-request-id"].flatMap { isFit($0) ? $0 : nil }
  }

  private static func isFit(_ id: String) -> Bool {
    (1...Limits.maxRequestIDBytes).contains(id.utf8.count)
      && id.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
  }

  static func random() -> String { Base64URL.encode(SystemRandom.bytes(byteCount)) }

  static func field(_ id: String) -> HTTPField { field.with(id) ?? field }

  /// 88 bits are 15 characters, which a String holds without an allocation.
  fileprivate static let byteCount = 11
}

/// Makes requests' ids of random bytes.
struct RequestIDSource {
  private var random = RandomSource()

  mutating func id(of head: HTTPRequestHead) -> String {
    RequestID.ofClient(head) ?? Base64URL.encode(random.take(RequestID.byteCount))
  }
}
