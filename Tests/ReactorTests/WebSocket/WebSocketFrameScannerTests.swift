import Testing

@testable import Reactor

@Suite struct WebSocketFrameScannerTests {
  private let key: [UInt8] = [9, 8, 7, 6]

  private func scan(
    _ scanner: inout WebSocketFrameScanner, _ bytes: [UInt8]
  ) -> WebSocketScanResult {
    bytes.withUnsafeBytes { scanner.scan($0) }
  }

  @Test func forwardsWholeFramesAndHoldsBackACutHead() {
    var scanner = WebSocketFrameScanner(role: .server, maxMessageBytes: 1000)
    let frame = rawFrame(2, [UInt8](repeating: 1, count: 200), key: key)
    for cut in 0..<8 {
      let result = scan(&scanner, frame + frame[..<cut])
      #expect(result.forwardCount == frame.count)
      #expect(result.heldCount == cut)
      #expect(result.frameCount == 1)
      #expect(result.messageCount == 1)
      #expect(result.dataByteCount == 200)
      #expect(scanner.isAtFrameBoundary && scanner.isAtMessageBoundary)
    }
  }

  @Test func holdsBackAtMostThirteenBytes() {
    var scanner = WebSocketFrameScanner(role: .server, maxMessageBytes: 1 << 20)
    let frame = rawFrame(2, [UInt8](repeating: 1, count: 65536), key: key)
    #expect(scan(&scanner, Array(frame[..<13])).heldCount == 13)
    let result = scan(&scanner, Array(frame[..<14]))
    #expect(result.forwardCount == 14)
    #expect(!scanner.isAtFrameBoundary)
  }

  @Test func forwardsPayloadsThatReadsCut() {
    var scanner = WebSocketFrameScanner(role: .server, maxMessageBytes: 1000)
    let frame = rawFrame(2, [UInt8](repeating: 1, count: 100), key: key)
    let first = scan(&scanner, Array(frame[..<50]))
    #expect(first.forwardCount == 50)
    #expect(first.frameCount == 0)
    #expect(first.dataByteCount == 44)
    #expect(!scanner.isAtFrameBoundary && !scanner.isAtMessageBoundary)
    let second = scan(&scanner, Array(frame[50...]))
    #expect(second.frameCount == 1)
    #expect(second.dataByteCount == 56)
    #expect(scanner.isAtMessageBoundary)
  }

  @Test func knowsMessageBoundariesFromFrameBoundaries() {
    var scanner = WebSocketFrameScanner(role: .client, maxMessageBytes: 1000)
    #expect(scan(&scanner, rawFrame(1, [65], fin: false)).messageCount == 0)
    #expect(scanner.isAtFrameBoundary && !scanner.isAtMessageBoundary)
    let ping = scan(&scanner, rawFrame(9, [1, 2]))
    #expect(ping.frameCount == 1 && ping.messageCount == 0 && ping.dataByteCount == 0)
    #expect(!scanner.isAtMessageBoundary)
    #expect(scan(&scanner, rawFrame(0, [66])).messageCount == 1)
    #expect(scanner.isAtMessageBoundary)
  }

  @Test func forwardsTheFramesBeforeARefusedOne() {
    var scanner = WebSocketFrameScanner(role: .client, maxMessageBytes: 1000)
    let good = rawFrame(1, [65])
    let result = scan(&scanner, good + good + rawFrame(3, [1]) + good)
    #expect(result.forwardCount == 2 * good.count)
    #expect(result.heldCount == 0)
    #expect(result.failure == .unknownOpcode)
    #expect(scanner.isAtFrameBoundary)
    let later = scan(&scanner, good)
    #expect(later.forwardCount == 0 && later.heldCount == 0)
    #expect(later.failure == .unknownOpcode)
  }

  @Test func seesACloseOnlyWhenAllOfItWentBy() {
    var scanner = WebSocketFrameScanner(role: .server, maxMessageBytes: 1000)
    let close = rawFrame(8, [0x03, 0xE8, 0x78], key: key)
    #expect(!scan(&scanner, Array(close.dropLast())).sawClose)
    let result = scan(&scanner, [close.last!] + rawFrame(2, [1], key: key))
    #expect(result.sawClose && scanner.sawClose)
    #expect(result.forwardCount == 1 && result.heldCount == 0)
    #expect(scan(&scanner, rawFrame(2, [1], key: key)).forwardCount == 0)
  }

  @Test func seesAnEmptyClose() {
    var scanner = WebSocketFrameScanner(role: .client, maxMessageBytes: 1000)
    #expect(scan(&scanner, [0x88, 0x00]).sawClose)
  }

  @Test func takesAnEmptyRead() {
    var scanner = WebSocketFrameScanner(role: .client, maxMessageBytes: 1000)
    #expect(scan(&scanner, []) == WebSocketScanResult())
  }
}
