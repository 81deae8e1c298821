/// Bounds of the event log and its streams, by name.
enum EventLimits {
  /// Kept for streams that come back.
  static let maxEvents = 10_000
  static let maxLogBytes = 8 << 20
  /// Of a reason, which may be a broken sandbox's own words.
  static let maxReasonBytes = 1_024
  /// Open at once: of one API key, and in all.
  static let maxStreamsPerKey = 32
  static let maxStreams = 1_024
  /// Handed to a stream at once, while it catches up.
  static let pieceBytes = 64 << 10
  /// A comment line, so that nobody on the way takes a quiet stream for a dead one.
  static let heartbeatMs: UInt64 = 15_000
}
