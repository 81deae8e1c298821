import Glibc

/// The bytes that echoes are made of: pseudo-random, repeated after a prime number of bytes, so
/// that a lost, doubled or moved piece of almost any length shows. Shared by all connections.
final class EchoPattern {
  /// Prime, hence no multiple of any message size.
  static let periodBytes = 65_521
  /// As much as it can lend at once, from any position: a message, or what a read may bring.
  let maxSliceBytes: Int
  private let bytes: UnsafeMutableRawBufferPointer

  init(messageBytes: Int) {
    maxSliceBytes = max(messageBytes, 64 * 1024)
    bytes = .allocate(byteCount: Self.periodBytes + maxSliceBytes, alignment: 64)
    var state: UInt64 = 0x9E37_79B9_7F4A_7C15
    for index in 0..<Self.periodBytes {  // xorshift64 (Marsaglia 2003)
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      bytes[index] = UInt8(truncatingIfNeeded: state >> 32)
    }
    for index in Self.periodBytes..<bytes.count { bytes[index] = bytes[index - Self.periodBytes] }
  }

  deinit { bytes.deallocate() }

  /// Where a connection begins: connections can't be mixed up unnoticed.
  static func origin(ofConnection number: Int) -> Int { number &* 7919 % periodBytes }

  /// The first bytes, as many as wanted.
  func prefix(_ count: Int) -> [UInt8] {
    var prefix: [UInt8] = []
    prefix.reserveCapacity(count)
    while prefix.count < count {
      let piece = slice(at: prefix.count, min(count - prefix.count, maxSliceBytes))
      prefix.append(contentsOf: piece)
    }
    return prefix
  }

  func slice(at position: Int, _ count: Int) -> UnsafeRawBufferPointer {
    let start = position % Self.periodBytes
    return UnsafeRawBufferPointer(rebasing: bytes[start..<start + count])
  }
}

/// One connection's messages, sent and coming back: what is next, whether what came is right, and
/// how long each took. Pure: the caller brings bytes and times.
struct EchoSequence {
  private let pattern: EchoPattern
  /// Where in the pattern this connection begins.
  private let origin: Int
  private let messageBytes: Int
  private var sentAtNs: [UInt64]
  private(set) var sent = 0
  private(set) var completed = 0
  private(set) var receivedBytes = 0

  init(pattern: EchoPattern, connection: Int, messageBytes: Int, maxInFlight: Int) {
    self.pattern = pattern
    origin = EchoPattern.origin(ofConnection: connection)
    self.messageBytes = messageBytes
    sentAtNs = Array(repeating: 0, count: maxInFlight)
  }

  var inFlight: Int { sent - completed }
  var isWhole: Bool { receivedBytes == sentBytes }
  private var sentBytes: Int { sent * messageBytes }
  /// For an error's text.
  var missing: String { "\((sentBytes - receivedBytes).grouped) of \(sentBytes.grouped) bytes" }

  /// The next message, lent from the pattern. Precondition: fewer than `maxInFlight` are out.
  mutating func next(nowNs: UInt64) -> UnsafeRawBufferPointer {
    precondition(inFlight < sentAtNs.count, "more messages in flight than allowed")
    let message = pattern.slice(at: origin + sentBytes, messageBytes)
    sentAtNs[sent % sentAtNs.count] = nowNs
    sent += 1
    return message
  }

  /// Checks every byte of a piece, which may be any part of what was sent. Nil if all is right,
  /// else what is wrong.
  mutating func receive(_ piece: UnsafeRawBufferPointer) -> String? {
    if receivedBytes + piece.count > sentBytes {
      let excess = receivedBytes + piece.count - sentBytes
      return "\(excess.grouped) bytes more came back than were sent"
    }
    var checked = 0
    while checked < piece.count {
      let count = min(piece.count - checked, pattern.maxSliceBytes)
      let part = UnsafeRawBufferPointer(rebasing: piece[checked..<checked + count])
      let wanted = pattern.slice(at: origin + receivedBytes, count)
      guard memcmp(wanted.baseAddress!, part.baseAddress!, count) == 0 else {
        let offset = zip(wanted, part).prefix { $0 == $1 }.count
        return "byte \((receivedBytes + offset).grouped) came back wrong"
      }
      checked += count
      receivedBytes += count
    }
    return nil
  }

  /// Takes the messages that are back whole: each one's send time.
  mutating func takeCompleted(_ body: (_ sentAtNs: UInt64) -> Void) {
    while (completed + 1) * messageBytes <= receivedBytes {
      body(sentAtNs[completed % sentAtNs.count])
      completed += 1
    }
  }
}
