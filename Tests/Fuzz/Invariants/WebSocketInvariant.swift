#if canImport(Reactor)
  @testable import Reactor
#endif

/// Any cutting gives the decoder the same messages and the scanner the same frames; both refuse
/// the same heads; no message is larger than its limit; what was read, written again, is the same.
func checkWebSocket(_ input: FuzzInput) throws {
  for role in WebSocketRole.allCases {
    try check(input, role, limit: 200, input.cuttings)
    try check(input, role, limit: 1 << 20, input.isThorough ? input.cuttings : [])
  }
}

private func check(
  _ input: FuzzInput, _ role: WebSocketRole, limit: Int, _ cuttings: [[Int]]
) throws {
  let decoded = try DecoderTranscript(input.bytes, input.whole, role, limit)
  let scanned = try ScannerTranscript(input.bytes, input.whole, role, limit)
  for ends in cuttings {
    let other = try DecoderTranscript(input.bytes, ends, role, limit)
    try require(decoded == other, "cut at \(ends): \(decoded) != \(other)")
    let otherScan = try ScannerTranscript(input.bytes, ends, role, limit)
    try require(scanned == otherScan, "cut at \(ends): \(scanned) != \(otherScan)")
  }
  try checkAgreement(decoded, scanned, input.bytes)
  try checkWrittenAgain(decoded.items, input, role)
}

/// The scanner looks at no payload: it passes what is wrong inside one.
private func checkAgreement(
  _ decoded: DecoderTranscript, _ scanned: ScannerTranscript, _ bytes: [UInt8]
) throws {
  try require(scanned.forwarded == Array(bytes.prefix(scanned.forwarded.count)), "not verbatim")
  switch decoded.error {
  case .invalidUTF8:
    try require(scanned.messageCount >= decoded.messageCount, "the scanner stopped too early")
  case .truncatedCloseCode, .invalidCloseCode:
    try require(scanned.sawClose && scanned.failure == nil, "the Close was not seen")
  case let error:
    try require(scanned.failure == error, "refused as \(String(describing: scanned.failure))")
    try require(scanned.messageCount == decoded.messageCount, "other messages")
    try require(scanned.sawClose == decoded.sawClose, "a Close only one has seen")
    try require(scanned.dataBytes >= decoded.messageBytes, "fewer bytes than in the messages")
  }
  if scanned.failure == nil, !scanned.sawClose {
    try require(scanned.forwarded + scanned.held == bytes, "bytes were dropped")
  }
}

/// Each message whole, then in two frames, as the peer would send it.
private func checkWrittenAgain(
  _ items: [WebSocketItem], _ input: FuzzInput, _ role: WebSocketRole
) throws {
  var keys = MaskingKeySource(seed: input.seed)
  let isMasked = role.requiresMaskFromPeer
  var buffer = ByteBuffer()
  for item in items {
    item.write(isSplit: false, &buffer) { isMasked ? keys.next() : nil }
    if case .message = item { item.write(isSplit: true, &buffer) { isMasked ? keys.next() : nil } }
  }
  let written = buffer.withReadable { Array($0) }
  let again = try DecoderTranscript(written, [written.count], role, 1 << 20)
  let expected = items.flatMap { item in
    if case .message = item { [item, item] } else { [item] }
  }
  try require(again.error == nil && again.items == expected, "read back otherwise")
}

private enum WebSocketItem: Equatable {
  case message(WebSocketOpcode, [UInt8])
  case ping([UInt8])
  case pong([UInt8])
  case close(WebSocketCloseCode?, [UInt8])

  func write(isSplit: Bool, _ buffer: inout ByteBuffer, _ key: () -> UInt32?) {
    switch self {
    case .message(let opcode, let bytes) where isSplit:
      let middle = bytes.count / 2
      append(opcode, bytes[..<middle], isFinal: false, &buffer, key())
      append(.continuation, bytes[middle...], isFinal: true, &buffer, key())
    case .message(let opcode, let bytes): append(opcode, bytes[...], &buffer, key())
    case .ping(let bytes): append(.ping, bytes[...], &buffer, key())
    case .pong(let bytes): append(.pong, bytes[...], &buffer, key())
    case .close(let code, let reason):
      withExactBytes(reason) {
        WebSocketEncoder.appendClose(
          code, reason: UnsafeRawBufferPointer($0), maskingKey: key(), to: &buffer)
      }
    }
  }

  private func append(
    _ opcode: WebSocketOpcode, _ bytes: ArraySlice<UInt8>, isFinal: Bool = true,
    _ buffer: inout ByteBuffer, _ key: UInt32?
  ) {
    withExactBytes(bytes) {
      WebSocketEncoder.appendFrame(
        opcode, UnsafeRawBufferPointer($0), isFinal: isFinal, maskingKey: key, to: &buffer)
    }
  }
}

/// What a decoder said, with whole messages.
private struct DecoderTranscript: Equatable {
  var items: [WebSocketItem] = []
  var error: WebSocketError?

  var messageCount: Int {
    items.count { if case .message = $0 { true } else { false } }
  }
  var messageBytes: Int {
    items.reduce(0) { if case .message(_, let bytes) = $1 { $0 + bytes.count } else { $0 } }
  }
  var sawClose: Bool { if case .close = items.last { true } else { false } }

  init(_ bytes: [UInt8], _ ends: [Int], _ role: WebSocketRole, _ limit: Int) throws {
    var decoder = WebSocketDecoder(role: role, maxMessageBytes: limit)
    var assembler = WebSocketMessageAssembler()
    var start = 0
    for end in ends where error == nil {
      try withExactBytes(bytes[start..<end]) { piece in
        var offset = 0
        do {
          while let event = try decoder.next(piece, from: &offset) {
            try note(event, &assembler, limit)
          }
          try require(offset == piece.count, "input was left over")
        } catch let refusal as WebSocketError {
          error = refusal
        }
      }
      try require(assembler.pendingCount <= limit, "a message above its limit is kept")
      start = end
    }
    try require(decoder.isEnded == (error != nil || sawClose), "ended without a reason")
  }

  private mutating func note(
    _ event: WebSocketEvent, _ assembler: inout WebSocketMessageAssembler, _ limit: Int
  ) throws {
    switch event {
    case .messageChunk(let opcode, let bytes, let isFinal):
      try require(isFinal || !bytes.isEmpty, "an empty piece inside a message")
      guard let message = assembler.add(bytes, isFinal: isFinal) else { return }
      try require(message.count <= limit, "a message above its limit")
      let isText = String(validating: message, as: UTF8.self) != nil
      try require(opcode != .text || isText, "a text that is not UTF-8")
      items.append(.message(opcode, Array(message)))
    case .ping(let bytes): items.append(.ping(Array(bytes)))
    case .pong(let bytes): items.append(.pong(Array(bytes)))
    case .close(let code, let reason): items.append(.close(code, Array(reason)))
    }
  }
}

/// What a scanner let through, called as the relay calls it.
private struct ScannerTranscript: Equatable {
  var forwarded: [UInt8] = []
  var held: [UInt8] = []
  var frameCount = 0
  var messageCount = 0
  var dataBytes = 0
  var sawClose = false
  var failure: WebSocketError?
  var isAtFrameBoundary = true
  var isAtMessageBoundary = true

  init(_ bytes: [UInt8], _ ends: [Int], _ role: WebSocketRole, _ limit: Int) throws {
    var scanner = WebSocketFrameScanner(role: role, maxMessageBytes: limit)
    var start = 0
    for end in ends {
      let read = held + bytes[start..<end]
      let result = withExactBytes(read) { scanner.scan(UnsafeRawBufferPointer($0)) }
      try require(
        result.forwardCount + result.heldCount <= read.count && result.heldCount <= 13,
        "held back more than a head")
      forwarded += read[..<result.forwardCount]
      held = Array(read[result.forwardCount...].prefix(result.heldCount))
      frameCount += result.frameCount
      messageCount += result.messageCount
      dataBytes += result.dataByteCount
      sawClose = result.sawClose
      failure = result.failure
      start = end
    }
    isAtFrameBoundary = scanner.isAtFrameBoundary
    isAtMessageBoundary = scanner.isAtMessageBoundary
  }
}
