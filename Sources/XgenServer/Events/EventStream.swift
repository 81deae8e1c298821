internal import Reactor

/// One client of `GET /api/v1/events`. It owns no queue: it knows which event is its next, and
/// takes from the log what its connection can take.
@LoopActor
final class EventStream {
  let caller: Principal
  private let exchange: HTTPExchange
  /// The sequence of the event to look at next.
  private var next: UInt64

  init(_ exchange: HTTPExchange, for caller: Principal, next: UInt64) {
    self.exchange = exchange
    self.caller = caller
    self.next = next
  }

  /// Writes what is there for this client, as far as the connection takes it.
  func pump(_ log: EventLog) {
    while next <= log.lastSequence, !exchange.isCongested { writePiece(log) }
  }

  private func writePiece(_ log: EventLog) {
    var piece: [UInt8] = []
    while next <= log.lastSequence, piece.count < EventLimits.pieceBytes {
      guard let entry = log.entry(next) else {
        // It read so slowly that the log has moved on.
        next = log.lastSequence + 1
        piece += EventFrame.reset(log.lastID, reason: "events were missed")
        break
      }
      if isVisible(entry.owner) { piece += entry.frame }
      next += 1
    }
    write(piece)
  }

  /// As of the sandbox itself.
  private func isVisible(_ owner: String) -> Bool {
    caller.role == .admin || caller.name == owner
  }

  /// A sign of life, with the place in the log: else a client of a quiet tenant would come back
  /// with an id that others' events have pushed out long ago. Who is behind needs none.
  func heartbeat(_ log: EventLog) {
    if exchange.isCongested || next <= log.lastSequence { return }
    write(ServerSentEvent.comment + EventFrame.position(log.lastID))
  }

  func write(_ bytes: [UInt8]) {
    if !bytes.isEmpty { bytes.withUnsafeBytes { exchange.write($0) } }
  }

  func end() { exchange.end() }
}
