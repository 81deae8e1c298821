import XgenProtocol

/// One client's connection, as the sessions see it.
protocol WireTransport: AnyObject {
  /// Sends one binary message: the envelope's head, then the payload's bytes, which are the
  /// caller's again on return.
  func send(_ head: EnvelopeHead, _ payload: UnsafeRawBufferPointer)
  /// The connection's send queue is above its high mark: producers pause, and
  /// `Session.transportDidDrain()` follows.
  var isCongested: Bool { get }
  /// Stop taking messages from the client.
  func pauseReceiving()
  /// Take messages again.
  func resumeReceiving()
}

extension WireTransport {
  func send(_ head: EnvelopeHead, _ payload: [UInt8]) {
    payload.withUnsafeBytes { send(head, $0) }
  }

  func send(_ payload: some WirePayload, channel: UInt32 = 0, id: UInt32 = 0) {
    send(EnvelopeHead(type(of: payload).type, channel: channel, id: id), payload.encode())
  }

  func send(_ type: MessageType, channel: UInt32 = 0, id: UInt32 = 0) {
    send(EnvelopeHead(type, channel: channel, id: id), UnsafeRawBufferPointer(start: nil, count: 0))
  }
}
