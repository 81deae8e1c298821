internal import Glibc

/// The ledger's file: lines that are only ever added, and from time to time all written anew.
/// Every operation blocks: workers only.
struct LedgerFile: Sendable {
  let path: String

  /// What is there; nothing if there is no such file. Lines that make no sense are passed over: a
  /// crash may have cut the last one off.
  func load() throws(LocalError) -> [LedgerEntry] {
    guard HostFiles.exists(path) else { return [] }
    return LedgerEntry.entries(try HostFiles.read(path, limit: Limits.maxLedgerBytes))
  }

  /// Replaces everything, durably.
  func rewrite(_ lines: [UInt8]) throws(LocalError) {
    try HostFiles.replace(path, lines, mode: 0o600, durable: true)
  }

  /// Adds lines; `durable` waits until they would survive the machine's crash, too.
  func append(_ lines: [UInt8], durable: Bool) throws(LocalError) {
    let file = try OwnedDescriptor.open(path, O_WRONLY | O_APPEND | O_CREAT, mode: 0o600)
    // On a line of their own, even if a write that failed has left a part of one.
    try file.write([UInt8(ascii: "\n")] + lines, path)
    if durable { try file.sync(path) }
  }
}
