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

  /// 88 bits, whose 15 characters Swift keeps without an allocation.
  fileprivate static let byteCount = 11
}

/// Makes requests' ids of random bytes, for which it asks the kernel a few times a hundred requests.
struct RequestIDSource {
  private static let idsAtOnce = 64

  private var bytes: [UInt8] = []
  private var used = 0

  mutating func id(of head: HTTPRequestHead) -> String { RequestID.ofClient(head) ?? next() }

  private mutating func next() -> String {
    if used == bytes.count {
      bytes = SystemRandom.bytes(Self.idsAtOnce * RequestID.byteCount)
      used = 0
    }
    used += RequestID.byteCount
    return Base64URL.encode(bytes[(used - RequestID.byteCount)..<used])
  }
}
