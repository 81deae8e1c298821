internal import Reactor

/// Answers of many bytes: rendered by a worker, written as the client takes them.
extension APIRequest {
  /// Bytes written between two looks at the connection.
  private static let pieceBytes = 128 * 1024

  /// Writes an answer piece by piece, so that a client that does not read keeps one copy of it
  /// here, and no further ones in queues. Returns when all is on its way, or the client is gone.
  func paced(_ response: APIResponse) async -> APIResponse {
    guard case .bytes(let body) = response.body else { return response }
    startResponse(response.status, response.fields, length: UInt64(body.count))
    var rest = body[...]
    while !rest.isEmpty, !exchange.isGone {
      let piece = rest.prefix(Self.pieceBytes)
      piece.withUnsafeBytes { exchange.write($0) }
      rest = rest.dropFirst(piece.count)
      if exchange.isCongested { await drained() }
    }
    exchange.end()
    return .takenOver
  }

  /// Returns when the connection takes more, or never will.
  private func drained() async {
    await withCheckedContinuation { (waiting: CheckedContinuation<Void, Never>) in
      var once: CheckedContinuation<Void, Never>? = waiting
      let resume = {
        once?.resume()
        once = nil
      }
      exchange.onDrain = resume
      exchange.onDisconnect = resume
    }
    exchange.onDrain = nil
    exchange.onDisconnect = nil
  }
}
