/// Where the connections of a server write their answers, before these go to their streams.
///
/// It is one buffer for all of them: a connection needs it only while it writes. What a connection
/// writes while it takes up what it has received is gathered, so that the answers to pipelined
/// requests go out in one piece; at other times each goes out at once.
final class HTTPOutbox {
  /// So much is not gathered any further. It is also what an answer's body may have to be copied
  /// behind its head, and what is kept of the buffer.
  static let maxBytes = 32 * 1024

  private var buffer = ByteBuffer()
  /// Whose answers are in the buffer; nil between two turns of the loop.
  private var owner: HTTPConnection?

  /// Lends the buffer's end for an answer, or a part of one.
  func write(for connection: HTTPConnection, _ body: (inout ByteBuffer) -> Void) {
    if owner !== connection { flush() }
    owner = connection
    body(&buffer)
    if !connection.isPumping || buffer.count >= Self.maxBytes { flush() }
  }

  /// Hands what was gathered to its stream.
  func flush() {
    guard let connection = owner else { return }
    owner = nil
    // Taken out: a stream may call back.
    var gathered = ByteBuffer()
    swap(&gathered, &buffer)
    connection.stream.write(gathered)
    gathered.clear(keepingCapacity: Self.maxBytes * 2)
    swap(&gathered, &buffer)
  }

  /// The same, for one connection.
  func flush(_ connection: HTTPConnection) {
    if owner === connection { flush() }
  }
}
