/// Bounds of the audit log, by name.
enum AuditLimits {
  /// Of one file, before it is set aside as `.1`; a flag sets it. With `maxFiles` of them:
  /// 320 MiB of disk at most, and one line more per file.
  static let defaultFileBytes = 64 << 20
  static let fileBytesRange = 4 << 10...16 << 30
  /// The one that is written to, and those that were set aside.
  static let maxFiles = 5
  /// Lines that wait for the disk: some 10,000. What comes beyond is counted as dropped.
  static let maxPendingBytes = 4 << 20
  /// Handed to a worker at once, or a file's bytes where these are fewer.
  static let batchBytes = 256 << 10
  /// Between two batches, for the second to be worth its worker.
  static let gatherMs: UInt64 = 20
  /// After a write that failed.
  static let retryMs: UInt64 = 1_000
  /// Between two log lines that tell of dropped records.
  static let dropReportMs: UInt64 = 10_000

  /// Of a sandbox's id as the client spelled it.
  static let maxIDBytes = 64

  // Reading.
  static let defaultPage = 100
  static let maxPage = 1_000
  /// Looked through for one call, whatever it finds: some 20,000 records.
  static let maxScanBytes = 4 << 20
  static let readBytes = 64 << 10
  /// A longer line is none of ours.
  static let maxLineBytes = 16 << 10
  /// Of a file's first line, which tells it from all others.
  static let identityBytes = 512
}
