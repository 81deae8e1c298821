/// An event's place in the log: `<epoch>-<sequence>`.
///
/// The epoch is the server's start, so that an id of an earlier run is never taken for one of this.
struct EventID: Sendable, Equatable, CustomStringConvertible {
  /// Unix time in milliseconds.
  let epoch: Int64
  /// From 1 on; 0 is before the first.
  let sequence: UInt64

  var description: String { "\(epoch)-\(sequence)" }

  init(epoch: Int64, sequence: UInt64) {
    self.epoch = epoch
    self.sequence = sequence
  }

  /// Nil unless it is spelled as we spell it.
  init?(_ text: String) {
    let parts = text.split(separator: "-", omittingEmptySubsequences: false)
    guard parts.count == 2, let epoch = Int64(parts[0]), let sequence = UInt64(parts[1]) else {
      return nil
    }
    self.init(epoch: epoch, sequence: sequence)
    if "\(self)" != text { return nil }
  }
}
