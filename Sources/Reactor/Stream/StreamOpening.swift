/// What two ends say to each other before a stream carries its owner's bytes: part of connecting, so
/// that whoever is handed the stream need not know of it. A machine without a socket.
public protocol StreamOpening: AnyObject {
  /// Sent when there is a connection; may be empty.
  var firstBytes: [UInt8] { get }
  /// How many bytes it takes next, at most `StreamLimits.openingBytes`; 0 when it is done. No byte
  /// more is read, so that what follows is the owner's.
  var wantedByteCount: Int { get }
  /// Takes `wantedByteCount` bytes; returns what to send.
  func receive(_ bytes: [UInt8]) throws(StreamOpeningFailure) -> [UInt8]
}

/// The peer does not open as it must; the text says how.
public struct StreamOpeningFailure: Error, Equatable, Sendable {
  public let text: String
  public init(_ text: String) { self.text = text }
}

/// An opening under way: what has come of the bytes that it wants now.
struct OpeningProgress {
  let opening: any StreamOpening
  private var received: [UInt8] = []

  init(_ opening: any StreamOpening) { self.opening = opening }

  var isDone: Bool { opening.wantedByteCount == 0 }

  /// How many bytes to read now.
  var missingByteCount: Int { opening.wantedByteCount - received.count }

  /// Takes at most the missing bytes; returns what to send.
  mutating func receive(_ bytes: some Sequence<UInt8>) throws(StreamOpeningFailure) -> [UInt8] {
    received += bytes
    if received.count < opening.wantedByteCount { return [] }
    let whole = received
    received = []
    return try opening.receive(whole)
  }
}
