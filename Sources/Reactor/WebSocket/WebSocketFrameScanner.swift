/// Follows one direction of a relayed WebSocket: validates the frame heads where they lie and
/// leaves the payloads alone, so that the bytes go on verbatim, still masked.
///
///     read buffer:  …payload │ head payload │ head payload… │ hea
///                   └──────────── forwardCount ────────────┘ └ held back by the caller and
///                                                              put before the next read
public struct WebSocketFrameScanner: Sendable {
  // In this order they take 34 bytes.
  /// Payload bytes of the current frame that have not gone by; 0: at a frame boundary.
  private var remaining = 0
  private var sequence: WebSocketFrameSequence
  /// Of the second byte of a head: what its mask bit must be.
  private let maskBit: UInt8
  /// Bytes of a head whose payload is shorter than 126.
  private let shortHeadCount: UInt8
  private var opcode = WebSocketOpcode.binary
  private var isFinal = false
  /// A Close frame went by; what follows must not be forwarded (RFC 6455 §5.5.1).
  public private(set) var sawClose = false
  /// Why the stream is refused; nothing more of it is forwarded.
  public private(set) var failure: WebSocketError?

  /// `role`: whom we stand in for, the receiver of these frames (`.server`: a client sends them).
  public init(role: WebSocketRole, maxMessageBytes: Int) {
    sequence = WebSocketFrameSequence(role: role, maxMessageBytes: maxMessageBytes)
    maskBit = role.requiresMaskFromPeer ? 0x80 : 0
    shortHeadCount = role.requiresMaskFromPeer ? 6 : 2
  }

  /// What was forwarded so far ends with a whole frame: one of our own may be put in here.
  public var isAtFrameBoundary: Bool { remaining == 0 }

  /// What was forwarded so far ends outside of any message.
  public var isAtMessageBoundary: Bool { remaining == 0 && !sequence.isInsideMessage }

  /// Scans a read: what the last call held back, and new bytes.
  ///
  /// A refusal is a part of the result, since the frames before the refused one are still to be
  /// forwarded. It is found at a head, so what was forwarded ends at a frame boundary.
  public mutating func scan(_ bytes: UnsafeRawBufferPointer) -> WebSocketScanResult {
    var result = WebSocketScanResult()
    if failure == nil {
      do throws(WebSocketError) {
        while result.forwardCount < bytes.count, !sawClose {
          if remaining == 0 {
            passShortFrames(bytes, &result)
            if result.forwardCount == bytes.count { break }
            if try !passHead(bytes, &result) { break }
          }
          passPayload(bytes, &result)
        }
      } catch {
        failure = error
      }
    }
    result.failure = failure
    result.sawClose = sawClose
    result.heldCount = failure == nil && !sawClose ? bytes.count - result.forwardCount : 0
    return result
  }

  /// The road of most traffic: whole messages of one frame with less than 126 bytes. Stops at
  /// anything else, be it wrong or only cut.
  @inline(__always)
  private func passShortFrames(
    _ bytes: UnsafeRawBufferPointer, _ result: inout WebSocketScanResult
  ) {
    if sequence.isInsideMessage || !sequence.allowsShortMessages { return }
    let headCount = Int(shortHeadCount)
    var at = result.forwardCount
    var (frames, payloads) = (0, 0)
    while at &+ 2 <= bytes.count {
      let first = bytes[at]
      let payloadCount = Int(bytes[at &+ 1] ^ maskBit)  // 128 and more with a wrong mask bit
      if first != 0x82 && first != 0x81 || payloadCount >= 126 { break }
      let end = at &+ headCount &+ payloadCount
      if end > bytes.count { break }
      at = end
      frames &+= 1
      payloads &+= payloadCount
    }
    result.forwardCount = at
    result.frameCount &+= frames
    result.messageCount &+= frames
    result.dataByteCount &+= payloads
  }

  /// False if the head is not all there.
  @inline(__always)
  private mutating func passHead(
    _ bytes: UnsafeRawBufferPointer, _ result: inout WebSocketScanResult
  ) throws(WebSocketError) -> Bool {
    let rest = UnsafeRawBufferPointer(rebasing: bytes[result.forwardCount...])
    guard let (header, byteCount) = try WebSocketFrameHeader.parse(rest) else { return false }
    opcode = try sequence.admit(header)
    isFinal = header.isFinal
    remaining = header.payloadCount
    result.forwardCount += byteCount
    return true
  }

  @inline(__always)
  private mutating func passPayload(
    _ bytes: UnsafeRawBufferPointer, _ result: inout WebSocketScanResult
  ) {
    let taken = min(remaining, bytes.count - result.forwardCount)
    result.forwardCount += taken
    remaining -= taken
    if !opcode.isControl { result.dataByteCount += taken }
    guard remaining == 0 else { return }
    result.frameCount += 1
    if opcode == .close { sawClose = true }
    if isFinal, !opcode.isControl { result.messageCount += 1 }
  }
}

/// What a scan found. Counts are of this scan alone.
public struct WebSocketScanResult: Equatable, Sendable {
  /// Bytes from the start of the read that are to be forwarded now.
  public var forwardCount = 0
  /// Bytes behind them, at most 13, that are the start of a head: to be put before the next
  /// read. 0 after a Close or a refusal, when the rest is to be dropped.
  public var heldCount = 0
  /// Frames whose last byte went by.
  public var frameCount = 0
  /// Messages whose last byte went by.
  public var messageCount = 0
  /// Payload bytes of data frames that went by.
  public var dataByteCount = 0
  /// A Close frame went by, now or earlier.
  public var sawClose = false
  /// The stream is refused, now or earlier; `forwardCount` is still to be honoured.
  public var failure: WebSocketError?

  public init() {}
}
