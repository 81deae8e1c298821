import Reactor

/// What a decoder said about a stream, with whole messages, so that it does not depend on how
/// the stream was cut.
struct WebSocketTranscript: Equatable {
  enum Item: Equatable {
    case message(WebSocketOpcode, [UInt8])
    case ping([UInt8])
    case pong([UInt8])
    case close(UInt16?, String)
  }

  var items: [Item] = []
  var error: WebSocketError?

  /// Decodes the pieces one after the other, each in memory of its own.
  init(role: WebSocketRole = .client, maxMessageBytes: Int = 1 << 20, _ pieces: [[UInt8]]) {
    var decoder = WebSocketDecoder(role: role, maxMessageBytes: maxMessageBytes)
    var assembler = WebSocketMessageAssembler()
    for piece in pieces where error == nil {
      let input = UnsafeMutableRawBufferPointer.allocate(byteCount: piece.count, alignment: 1)
      defer { input.deallocate() }
      input.copyBytes(from: piece)
      var offset = 0
      do throws(WebSocketError) {
        while let event = try decoder.next(input, from: &offset) {
          note(event, &assembler)
        }
        precondition(offset == input.count, "input left over")
      } catch {
        self.error = error
      }
    }
  }

  init(items: [Item], error: WebSocketError? = nil) {
    self.items = items
    self.error = error
  }

  private mutating func note(
    _ event: WebSocketEvent, _ assembler: inout WebSocketMessageAssembler
  ) {
    switch event {
    case .messageChunk(let opcode, let bytes, let isFinal):
      if let message = assembler.add(bytes, isFinal: isFinal) {
        items.append(.message(opcode, Array(message)))
      }
    case .ping(let bytes): items.append(.ping(Array(bytes)))
    case .pong(let bytes): items.append(.pong(Array(bytes)))
    case .close(let code, let reason):
      items.append(.close(code?.rawValue, String(decoding: reason, as: UTF8.self)))
    }
  }
}

/// What a scanner let through, called as the relay calls it.
struct WebSocketScanTranscript: Equatable {
  var forwarded: [UInt8] = []
  var frameCount = 0
  var messageCount = 0
  var dataByteCount = 0
  var sawClose = false
  var failure: WebSocketError?
  var isAtFrameBoundary = true
  var isAtMessageBoundary = true
  /// Held back at the end.
  var held: [UInt8] = []

  init(role: WebSocketRole = .client, maxMessageBytes: Int = 1 << 20, _ pieces: [[UInt8]]) {
    var scanner = WebSocketFrameScanner(role: role, maxMessageBytes: maxMessageBytes)
    for piece in pieces {
      let bytes = held + piece
      let result = bytes.withUnsafeBytes { scanner.scan($0) }
      precondition(result.heldCount <= 13, "held back more than a head")
      forwarded += bytes[..<result.forwardCount]
      held = Array(bytes[result.forwardCount...].prefix(result.heldCount))
      frameCount += result.frameCount
      messageCount += result.messageCount
      dataByteCount += result.dataByteCount
      sawClose = result.sawClose
      failure = result.failure
    }
    isAtFrameBoundary = scanner.isAtFrameBoundary
    isAtMessageBoundary = scanner.isAtMessageBoundary
  }
}

/// The ways to cut a stream: whole, byte by byte, and in two at every place.
func cuttings(of bytes: [UInt8]) -> [[[UInt8]]] {
  let halves = (0...bytes.count).map { [Array(bytes[..<$0]), Array(bytes[$0...])] }
  return [[bytes], bytes.map { [$0] }] + halves
}

/// A frame put together by hand, right or wrong; not by the code under test.
func rawFrame(
  _ opcode: UInt8, _ payload: [UInt8] = [], fin: Bool = true, reserved: UInt8 = 0,
  key: [UInt8]? = nil, lengthBytes: Int? = nil
) -> [UInt8] {
  let count = payload.count
  let lengthBytes = lengthBytes ?? (count < 126 ? 0 : count < 65536 ? 2 : 8)
  var frame = [(fin ? 0x80 : 0) | reserved | opcode]
  let short = lengthBytes == 0 ? UInt8(count) : lengthBytes == 2 ? 126 : 127
  frame.append(short | (key == nil ? 0 : 0x80))
  for place in (0..<lengthBytes).reversed() {
    frame.append(UInt8(truncatingIfNeeded: count >> (8 * place)))
  }
  guard let key else { return frame + payload }
  return frame + key + payload.enumerated().map { $1 ^ key[$0 % 4] }
}

func utf8(_ text: String) -> [UInt8] { Array(text.utf8) }
