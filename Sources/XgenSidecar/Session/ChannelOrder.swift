/// Keeps the order of each channel's messages: while a request of a channel is with a worker, what
/// comes behind it on that channel waits, as a copy.
struct ChannelOrder {
  /// Waiting messages of each channel that is busy.
  private var lines: [UInt32: [[UInt8]]] = [:]
  private(set) var heldBytes = 0

  func isBusy(_ channel: UInt32) -> Bool { lines[channel] != nil }

  /// A request has gone to a worker.
  mutating func begin(_ channel: UInt32) { lines[channel, default: []] += [] }

  /// Precondition: the channel is busy.
  mutating func hold(_ message: UnsafeRawBufferPointer, _ channel: UInt32) {
    heldBytes += message.count
    lines[channel]!.append([UInt8](message))
  }

  /// The request is answered: hands over what waited behind it, in its order.
  mutating func finish(_ channel: UInt32) -> ArraySlice<[UInt8]> {
    let waiting = lines.removeValue(forKey: channel) ?? []
    heldBytes -= waiting.reduce(0) { $0 + $1.count }
    return waiting[...]
  }

  /// Takes back what has to wait again, because one of the messages has gone to a worker.
  mutating func putBack(_ rest: ArraySlice<[UInt8]>, _ channel: UInt32) {
    heldBytes += rest.reduce(0) { $0 + $1.count }
    lines[channel, default: []].insert(contentsOf: rest, at: 0)
  }
}
