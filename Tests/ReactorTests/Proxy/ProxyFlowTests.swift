import Glibc
import Reactor
import TestSupport
import Testing

/// Large bodies: each side is read only as fast as the other one takes it.
@Suite struct ProxyFlowTests {
  /// More than the kernel's buffers on the way hold.
  private static let largeBytes = 48 << 20

  /// Doubled until it is long enough: byte by byte, a debug build takes long.
  private func pattern(_ count: Int) -> [UInt8] {
    var bytes = (0..<min(count, 65_521)).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
    while bytes.count < count { bytes += bytes.prefix(count - bytes.count) }
    return bytes
  }

  private func isEqual(_ left: ArraySlice<UInt8>, _ right: [UInt8]) -> Bool {
    left.withUnsafeBytes { left in
      right.withUnsafeBytes { right in
        left.count == right.count && memcmp(left.baseAddress!, right.baseAddress!, left.count) == 0
      }
    }
  }

  @Test func aLargeResponseWaitsForASlowClient() async throws {
    let body = pattern(Self.largeBytes)
    try await ProxySite.with { site, loop in
      let client = try site.client()
      client.send(request("GET /"))
      site.received()
      client.stream.pauseReading()
      site.peers[0].send(
        Array("HTTP/1.1 200 OK\r\nContent-Length: \(body.count)\r\n\r\n".utf8) + body)
      // Until nothing moves any more: what is left waits at the server.
      var before = -1
      while site.peers[0].stream.pendingByteCount != before {
        before = site.peers[0].stream.pendingByteCount
        loop.turns(20)
      }
      #expect(before > 0)
      client.stream.resumeReading()
      loop.run(until: { client.bytes.count > body.count })
      #expect(isEqual(client.bytes.suffix(body.count), body))
    }
  }

  @Test func aLargeRequestWaitsForASlowServer() async throws {
    let body = pattern(Self.largeBytes)
    try await ProxySite.with { site, loop in
      let client = try site.client()
      client.send("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: \(body.count)\r\n\r\n")
      site.received()
      site.peers[0].stream.pauseReading()
      client.send(body)
      var before = -1
      while client.stream.pendingByteCount != before {
        before = client.stream.pendingByteCount
        loop.turns(20)
      }
      #expect(before > 0)
      site.peers[0].stream.resumeReading()
      loop.run(until: { site.peers[0].bytes.count == body.count })
      #expect(isEqual(site.peers[0].bytes[...], body))
      site.peers[0].send(okay("ok"))
      site.answer(to: client, until: "ok")
    }
  }

  @Test(arguments: [1, 1000, 16 * 1024, 16 * 1024 + 1, 100_000, 1 << 20])
  func bodiesOfAnySizeArriveWhole(count: Int) async throws {
    let body = pattern(count)
    try await ProxySite.with { site, loop in
      let client = try site.client()
      let hex = String(count, radix: 16)
      for isChunked in [false, true] {
        let (field, sent) =
          isChunked
          ? (
            "Transfer-Encoding: chunked",
            Array("\(hex)\r\n".utf8) + body + Array("\r\n0\r\n\r\n".utf8)
          )
          : ("Content-Length: \(count)", body)
        client.send(Array("PUT / HTTP/1.1\r\nHost: x\r\n\(field)\r\n\r\n".utf8) + sent)
        loop.run(until: {
          site.peers.count == 1 && Self.body(of: site.peers[0].bytes, isChunked)?.count == count
        })
        #expect(Self.body(of: site.peers[0].take(), isChunked) == body)
        site.peers[0].send(Array("HTTP/1.1 200 OK\r\n\(field)\r\n\r\n".utf8) + sent)
        loop.run(until: { Self.body(of: client.bytes, isChunked)?.count == count })
        #expect(Self.body(of: client.take(), isChunked) == body)
      }
    }
  }

  /// What follows a head, out of its chunks if it is in chunks; nil while it is not whole.
  private static func body(of message: [UInt8], _ isChunked: Bool) -> [UInt8]? {
    guard let head = message.firstRange(of: Array("\r\n\r\n".utf8)) else { return nil }
    let rest = message[head.upperBound...]
    if !isChunked { return Array(rest) }
    var decoder = ChunkedDecoder()
    var body: [UInt8] = []
    var position = rest.startIndex
    while true {
      let step = try? message.withUnsafeBytes {
        try decoder.decode(UnsafeRawBufferPointer(rebasing: $0[position...]))
      }
      switch step {
      case .data(let range):
        body += message[(position + range.lowerBound)..<(position + range.upperBound)]
        position += range.upperBound
      case .end: return body
      case .needMore, nil: return nil
      }
    }
  }
}
