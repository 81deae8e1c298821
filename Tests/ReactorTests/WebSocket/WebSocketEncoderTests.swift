import Testing

@testable import Reactor

@Suite struct WebSocketEncoderTests {
  private func encoded(_ body: (inout ByteBuffer) -> Void) -> [UInt8] {
    var buffer = ByteBuffer()
    body(&buffer)
    return buffer.withReadable { Array($0) }
  }

  private let keyBytes: [UInt8] = [0x37, 0xFA, 0x21, 0x3D]
  private var key: UInt32 { keyBytes.withUnsafeBytes { $0.loadUnaligned(as: UInt32.self) } }

  @Test func encodesTheExamplesOfTheRFC() {
    let hello = utf8("Hello")
    let unmasked = encoded { out in
      hello.withUnsafeBytes { WebSocketEncoder.appendFrame(.text, $0, to: &out) }
    }
    #expect(unmasked == [0x81, 0x05, 0x48, 0x65, 0x6C, 0x6C, 0x6F])
    let masked = encoded { out in
      hello.withUnsafeBytes { WebSocketEncoder.appendFrame(.text, $0, maskingKey: key, to: &out) }
    }
    #expect(masked == [0x81, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58])
    let ping = encoded { out in
      hello.withUnsafeBytes { WebSocketEncoder.appendPing($0, to: &out) }
    }
    #expect(ping == [0x89, 0x05, 0x48, 0x65, 0x6C, 0x6C, 0x6F])
    let pong = encoded { out in
      hello.withUnsafeBytes { WebSocketEncoder.appendPong($0, maskingKey: key, to: &out) }
    }
    #expect(pong == [0x8A, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58])
  }

  @Test(arguments: [0, 1, 125, 126, 65535, 65536])
  func encodesEveryLengthWithAndWithoutAMask(count: Int) {
    let payload = (0..<count).map { UInt8(truncatingIfNeeded: $0) }
    for (key, bytes) in [(nil, nil), (key, keyBytes)] as [(UInt32?, [UInt8]?)] {
      let frame = encoded { out in
        payload.withUnsafeBytes {
          WebSocketEncoder.appendFrame(.binary, $0, isFinal: false, maskingKey: key, to: &out)
        }
      }
      #expect(frame == rawFrame(2, payload, fin: false, key: bytes))
      let head = encoded { out in
        WebSocketEncoder.appendHeader(
          .binary, payloadCount: count, isFinal: false, maskingKey: key, to: &out)
      }
      #expect(head == frame.dropLast(count))
    }
  }

  @Test func encodesCloses() {
    #expect(encoded { WebSocketEncoder.appendClose(nil, to: &$0) } == [0x88, 0x00])
    #expect(
      encoded { WebSocketEncoder.appendClose(.normal, reason: "bye", to: &$0) }
        == rawFrame(8, [0x03, 0xE8] + utf8("bye")))
    #expect(
      encoded { WebSocketEncoder.appendClose(.init(4999), maskingKey: key, to: &$0) }
        == rawFrame(8, [0x13, 0x87], key: keyBytes))
  }
}
