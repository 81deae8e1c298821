/// The last events, bounded in number and bytes, by sequence. Pure.
struct EventLog {
  struct Entry: Sendable, Equatable {
    /// Of the sandbox that it tells of.
    let owner: String
    /// As it goes onto a stream.
    let frame: [UInt8]
  }

  let epoch: Int64
  private let maxEvents: Int
  private let maxBytes: Int
  private var entries: [Entry] = []
  /// Entries before this one are dropped already.
  private var first = 0
  private var byteCount = 0
  private(set) var lastSequence: UInt64 = 0

  init(
    epoch: Int64, maxEvents: Int = EventLimits.maxEvents, maxBytes: Int = EventLimits.maxLogBytes
  ) {
    self.epoch = epoch
    self.maxEvents = maxEvents
    self.maxBytes = maxBytes
  }

  var lastID: EventID { EventID(epoch: epoch, sequence: lastSequence) }

  /// The sequence of the oldest event that is here; one above `lastSequence` if there is none.
  var firstSequence: UInt64 { lastSequence + 1 - UInt64(entries.count - first) }

  mutating func append(_ change: SandboxChange) {
    lastSequence += 1
    let entry = Entry(owner: change.owner, frame: EventFrame.change(lastID, change))
    entries.append(entry)
    byteCount += entry.frame.count
    while entries.count - first > maxEvents || byteCount > maxBytes { dropFirst() }
  }

  private mutating func dropFirst() {
    byteCount -= entries[first].frame.count
    first += 1
    if first > entries.count / 2 {
      entries.removeFirst(first)
      first = 0
    }
  }

  /// Nil for what has fallen out, or has not happened yet.
  func entry(_ sequence: UInt64) -> Entry? {
    guard firstSequence...lastSequence + 1 ~= sequence, sequence <= lastSequence else { return nil }
    return entries[first + Int(sequence - firstSequence)]
  }

  /// The sequence of what comes next for a client that has seen `id`; nil where something in
  /// between is not here any more, or the id is none of this log.
  func next(after id: EventID) -> UInt64? {
    guard id.epoch == epoch, id.sequence <= lastSequence, id.sequence + 1 >= firstSequence
    else { return nil }
    return id.sequence + 1
  }
}
