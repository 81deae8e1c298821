/// What one message head may cost its reader.
///
/// Offsets into a head are 16 bits wide, hence `maxHeadBytes` ≤ 65,535. The default sum per
/// connection that is in the middle of a head: 32 KiB of unread bytes + 100 × 8 B of ranges.
public struct HTTPLimits: Sendable {
  /// The request target; more is 414.
  public let maxTargetBytes: Int
  /// Start line and headers with all line ends; more is 431.
  public let maxHeadBytes: Int
  /// Header lines; more is 431.
  public let maxHeaderCount: Int

  /// The method; more is 501.
  static let maxMethodBytes = 32
  /// Options of Connection fields; more is 400.
  static let maxConnectionOptions = 64

  public static let defaultMaxTargetBytes = 8 * 1024
  public static let defaultMaxHeadBytes = 32 * 1024
  public static let defaultMaxHeaderCount = 100

  public init(
    maxTargetBytes: Int = Self.defaultMaxTargetBytes,
    maxHeadBytes: Int = Self.defaultMaxHeadBytes,
    maxHeaderCount: Int = Self.defaultMaxHeaderCount
  ) {
    precondition(maxHeadBytes > 0 && maxHeadBytes <= Int(UInt16.max), "head offsets have 16 bits")
    precondition(maxTargetBytes > 0 && maxHeaderCount >= 0, "a limit must allow something")
    self.maxTargetBytes = maxTargetBytes
    self.maxHeadBytes = maxHeadBytes
    self.maxHeaderCount = maxHeaderCount
  }
}
