public import Reactor

/// A stream's delegate that writes down all it is told.
public final class StreamProbe: ByteStreamDelegate {
  public let stream: any ByteStream
  public private(set) var bytes: [UInt8] = []
  /// Bytes of each `streamDidReceive`.
  public private(set) var readCounts: [Int] = []
  public private(set) var isConnected = false
  public private(set) var hasEnded = false
  public private(set) var drainCount = 0
  public private(set) var closeCount = 0
  public private(set) var error: StreamError?
  public var onReceive: (() -> Void)?
  public var onDrain: (() -> Void)?

  public init(_ stream: any ByteStream, reads: Bool = true) {
    self.stream = stream
    stream.delegate = self
    if reads { stream.resumeReading() }
  }

  public var isClosed: Bool { closeCount > 0 }
  public var text: String { String(decoding: bytes, as: UTF8.self) }

  public func send(_ text: String) { stream.write(Array(text.utf8)) }
  public func send(_ bytes: [UInt8]) { stream.write(bytes) }

  /// Sends every byte by itself, each in a turn of the loop of its own.
  public func drip(_ bytes: [UInt8]) {
    for byte in bytes {
      stream.write([byte])
      stream.loop.turn()
    }
  }

  public func drip(_ text: String) { drip(Array(text.utf8)) }

  /// What was received so far, which is forgotten.
  public func take() -> [UInt8] {
    defer { bytes = [] }
    return bytes
  }

  public func streamDidConnect() { isConnected = true }

  public func streamDidReceive(_ bytes: UnsafeMutableRawBufferPointer) {
    self.bytes.append(contentsOf: bytes)
    readCounts.append(bytes.count)
    onReceive?()
  }

  public func streamDidEnd() { hasEnded = true }

  public func streamDidDrain() {
    drainCount += 1
    onDrain?()
  }

  public func streamDidClose(_ error: StreamError?) {
    closeCount += 1
    self.error = error
    onReceive = nil
    onDrain = nil
  }
}
