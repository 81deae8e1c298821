/// Takes one direction's bytes as they arrive and finds messages and control frames in them.
///
/// It allocates nothing per frame, copies only what a read cut in two (frame heads and control
/// payloads), and refuses a wrong frame at its head, text at the first wrong byte.
///
///     head ──data frame──▶ data ──last byte──▶ head
///     head ──control frame──▶ control ──last byte──▶ head, or ended after a Close
///     any ──error──▶ ended
public struct WebSocketDecoder: ~Copyable {
  private enum State {
    case head
    case data
    case control
    case ended
  }

  private var state = State.head
  private var sequence: WebSocketFrameSequence
  private var carry = WebSocketCarry()
  private var utf8 = UTF8Validator()
  // The current frame.
  private var opcode = WebSocketOpcode.binary
  private var isFinal = false
  private var isMasked = false
  private var mask = WebSocketMask(key: 0)
  private var remaining = 0

  /// `role`: who we are, the receiver.
  public init(role: WebSocketRole, maxMessageBytes: Int) {
    sequence = WebSocketFrameSequence(role: role, maxMessageBytes: maxMessageBytes)
  }

  /// A Close frame or an error ended the stream; further input is dropped.
  public var isEnded: Bool { state == .ended }

  /// Takes input from `offset` on, moves `offset` behind what it took, and returns the first
  /// event in it; nil when all of it is taken. Unmasks in place what it takes: bytes that were
  /// given once must not be given again.
  public mutating func next(
    _ input: UnsafeMutableRawBufferPointer, from offset: inout Int
  ) throws(WebSocketError) -> WebSocketEvent? {
    precondition(offset >= 0 && offset <= input.count, "offset outside of the input")
    do throws(WebSocketError) {
      return try advance(input, &offset)
    } catch {
      state = .ended
      throw error
    }
  }

  private mutating func advance(
    _ input: UnsafeMutableRawBufferPointer, _ offset: inout Int
  ) throws(WebSocketError) -> WebSocketEvent? {
    while true {
      switch state {
      case .head:
        guard let header = try readHead(UnsafeRawBufferPointer(input), &offset) else { return nil }
        try begin(header)
      case .data:
        if remaining > 0, offset == input.count { return nil }
        if let chunk = try readData(input, &offset) { return chunk }
      case .control:
        guard let payload = readControl(input, &offset) else { return nil }
        return try finishControl(payload)
      case .ended:
        offset = input.count
        return nil
      }
    }
  }
}

// MARK: - Heads

extension WebSocketDecoder {
  private mutating func readHead(
    _ input: UnsafeRawBufferPointer, _ offset: inout Int
  ) throws(WebSocketError) -> WebSocketFrameHeader? {
    guard carry.isEmpty else { return try readCutHead(input, &offset) }
    let rest = UnsafeRawBufferPointer(rebasing: input[offset...])
    guard let (header, byteCount) = try WebSocketFrameHeader.parse(rest) else {
      carry.append(rest)
      offset = input.count
      return nil
    }
    offset += byteCount
    return header
  }

  /// The head's start is in `carry`; whatever was read, 14 bytes of it are enough.
  private mutating func readCutHead(
    _ input: UnsafeRawBufferPointer, _ offset: inout Int
  ) throws(WebSocketError) -> WebSocketFrameHeader? {
    let held = carry.count
    let taken = min(WebSocketFrameHeader.maxByteCount - held, input.count - offset)
    carry.append(UnsafeRawBufferPointer(rebasing: input[offset..<offset + taken]))
    let bytes = UnsafeRawBufferPointer(carry.bytes)
    guard let (header, byteCount) = try WebSocketFrameHeader.parse(bytes) else {
      offset += taken
      return nil
    }
    carry.clear()
    offset += byteCount - held
    return header
  }

  private mutating func begin(_ header: WebSocketFrameHeader) throws(WebSocketError) {
    opcode = try sequence.admit(header)
    isFinal = header.isFinal
    isMasked = header.isMasked
    mask = WebSocketMask(key: header.maskingKey)
    remaining = header.payloadCount
    state = opcode.isControl ? .control : .data
  }
}

// MARK: - Payloads

extension WebSocketDecoder {
  /// nil for an empty frame in the middle of a message.
  private mutating func readData(
    _ input: UnsafeMutableRawBufferPointer, _ offset: inout Int
  ) throws(WebSocketError) -> WebSocketEvent? {
    let piece = take(input, &offset)
    let chunk = UnsafeRawBufferPointer(unmask(piece))
    let isLast = isFinal && remaining == 0
    if remaining == 0 { state = .head }
    if opcode == .text { try checkText(chunk, isLast: isLast) }
    return chunk.isEmpty && !isLast ? nil : .messageChunk(opcode, chunk, isFinal: isLast)
  }

  private mutating func checkText(
    _ chunk: UnsafeRawBufferPointer, isLast: Bool
  ) throws(WebSocketError) {
    if utf8.firstInvalidOffset(in: chunk) != nil { throw .invalidUTF8 }
    if isLast, !utf8.isComplete { throw .invalidUTF8 }
  }

  /// The unmasked payload once it is all there: in place if one read brought it, else from
  /// `carry`.
  private mutating func readControl(
    _ input: UnsafeMutableRawBufferPointer, _ offset: inout Int
  ) -> UnsafeRawBufferPointer? {
    let piece = take(input, &offset)
    if remaining == 0, carry.isEmpty { return UnsafeRawBufferPointer(unmask(piece)) }
    carry.append(UnsafeRawBufferPointer(piece))
    if remaining > 0 { return nil }
    let payload = carry.bytes
    carry.clear()
    return UnsafeRawBufferPointer(unmask(payload))
  }

  private mutating func finishControl(
    _ payload: UnsafeRawBufferPointer
  ) throws(WebSocketError) -> WebSocketEvent {
    state = .head
    if opcode == .ping { return .ping(payload) }
    if opcode == .pong { return .pong(payload) }
    let close = try WebSocketClosePayload(parsing: payload)
    state = .ended
    return .close(close.code, reason: close.reason)
  }

  @inline(__always)
  private mutating func take(
    _ input: UnsafeMutableRawBufferPointer, _ offset: inout Int
  ) -> UnsafeMutableRawBufferPointer {
    let taken = min(remaining, input.count - offset)
    let piece = UnsafeMutableRawBufferPointer(rebasing: input[offset..<offset + taken])
    offset += taken
    remaining -= taken
    return piece
  }

  @inline(__always)
  private mutating func unmask(
    _ piece: UnsafeMutableRawBufferPointer
  ) -> UnsafeMutableRawBufferPointer {
    if isMasked { mask.apply(to: piece) }
    return piece
  }
}
