internal import CCurl

/// What one transfer sends, in libcurl's terms.
struct CurlTransfer: Sendable {
  let method: String
  let url: String
  /// `Name: value`; a name and a colon alone takes one of libcurl's own away.
  let headers: [String]
  let body: [UInt8]?
  let trust: KubernetesConfiguration.Trust
  let clientCertificate: KubernetesConfiguration.ClientCertificate?
  /// Connecting included.
  let timeoutMs: UInt64
}

/// How a transfer ended.
struct CurlOutcome: Sendable {
  enum End: Sendable, Equatable {
    /// The response is whole.
    case complete
    /// A failure of the connection, in words.
    case failed(String)
    /// The receiver took no more.
    case refused
    /// `shouldStop` said so.
    case stopped
  }

  let end: End
  /// 0: no status line came.
  let status: Int
  /// Of Retry-After, be it seconds or a date.
  let retryAfterSeconds: Int?
  /// The connection, TLS included, was there, and the request may have gone out.
  let wasSent: Bool
}

/// What a transfer's callbacks reach while it runs, on its thread.
final class CurlExchange {
  private let body: [UInt8]
  private var bodyOffset = 0
  private let receive: (UnsafeRawBufferPointer, _ status: Int) -> Bool
  private let easy: UnsafeMutableRawPointer
  private var headBytes = 0
  private(set) var hasRefused = false

  init(
    _ easy: UnsafeMutableRawPointer, body: [UInt8],
    _ receive: @escaping (UnsafeRawBufferPointer, _ status: Int) -> Bool
  ) {
    self.easy = easy
    self.body = body
    self.receive = receive
  }

  func take(_ bytes: UnsafeRawBufferPointer) -> Bool {
    hasRefused = hasRefused || !receive(bytes, status)
    return !hasRefused
  }

  /// A line of the head, or of the trailer. libcurl keeps them all.
  func takeHead(byteCount: Int) -> Bool {
    headBytes += byteCount
    hasRefused = hasRefused || headBytes > KubernetesLimits.maxHeadBytes
    return !hasRefused
  }

  /// Of the response's head; 0 before it.
  var status: Int {
    var status = 0
    _ = xgen_curl_get_long(easy, CURLINFO_RESPONSE_CODE, &status)
    return status
  }

  /// Something of the request's body was asked for, to be sent.
  var hasGiven: Bool { bodyOffset > 0 }

  /// The next piece of the request's body.
  func give(_ room: UnsafeMutableRawBufferPointer) -> Int {
    let count = min(room.count, body.count - bodyOffset)
    room.copyBytes(from: body[bodyOffset..<bodyOffset + count])
    bodyOffset += count
    return count
  }
}

/// libcurl's write callback.
func curlReceive(
  _ bytes: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int,
  _ context: UnsafeMutableRawPointer?
) -> Int {
  let exchange = Unmanaged<CurlExchange>.fromOpaque(context!).takeUnretainedValue()
  // Anything but the whole count ends the transfer.
  let isTaken = exchange.take(UnsafeRawBufferPointer(start: bytes, count: size * count))
  return isTaken ? size * count : size * count &+ 1
}

/// libcurl's header callback.
func curlHead(
  _ bytes: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int,
  _ context: UnsafeMutableRawPointer?
) -> Int {
  let exchange = Unmanaged<CurlExchange>.fromOpaque(context!).takeUnretainedValue()
  return exchange.takeHead(byteCount: size * count) ? size * count : size * count &+ 1
}

/// libcurl's read callback.
func curlSend(
  _ room: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int,
  _ context: UnsafeMutableRawPointer?
) -> Int {
  let exchange = Unmanaged<CurlExchange>.fromOpaque(context!).takeUnretainedValue()
  return exchange.give(UnsafeMutableRawBufferPointer(start: room, count: size * count))
}
