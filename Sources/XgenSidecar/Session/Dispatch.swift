import XgenProtocol

/// From a message to the part of the session that answers it. A new message type is one line in
/// `route` and one file with its `handle…`.
extension Session {
  /// One whole binary message, lent for the length of the call.
  func receive(_ message: UnsafeRawBufferPointer) {
    if isClosed { return }
    sidecar.ports.noteActivity()
    guard let head = EnvelopeHead.parse(message) else {
      let failure = RequestFailure(.invalidPayload, "message shorter than an envelope's head")
      return fail(failure, EnvelopeHead(.error))
    }
    guard let type = head.messageType, type.isFromClient else {
      return fail(RequestFailure(.unknownMessage, "unknown message type \(head.type)"), head)
    }
    if waitsItsTurn(message, head) { return }
    let payload = EnvelopeHead.payload(of: message)
    guard payload.count <= type.maxPayloadBytes else {
      let text = "payload of \(payload.count) bytes; at most \(type.maxPayloadBytes)"
      return fail(RequestFailure(.tooLarge, text), head)
    }
    do throws(RequestFailure) { try route(type, head, payload) } catch { fail(error, head) }
  }

  /// A text message, which this protocol does not have.
  func receiveText() {
    if isClosed { return }
    let failure = RequestFailure(.invalidPayload, "text message; messages are binary")
    fail(failure, EnvelopeHead(.error))
  }

  private func route(
    _ type: MessageType, _ head: EnvelopeHead, _ payload: UnsafeRawBufferPointer
  ) throws(RequestFailure) {
    switch type {
    case .ping: reply(.pong, to: head)
    case .pong: break
    case .execStart: try handleExecStart(head, try decode(payload))
    case .execStdin: try handleStdin(head, try decode(payload))
    case .execStdinClose: try handleStdinClose(head, try decode(payload))
    case .execSignal: try handleSignal(head, try decode(payload))
    case .execResize: try handleResize(head, try decode(payload))
    case .fsRead: try handleRead(head, try decode(payload))
    case .fsWrite: try handleWrite(head, try decode(payload))
    case .fsList: try handleList(head, try decode(payload))
    case .fsRemove: try handleRemove(head, try decode(payload))
    case .fsWatch: try handleWatch(head, try decode(payload))
    case .execAttach, .execList:
      throw RequestFailure(.unknownMessage, "resumable sessions are not supported")
    case .error, .ack, .execStdout, .execStderr, .execExit, .fsEvent, .portOpen, .portClose,
      .sandboxReady, .sandboxError, .sandboxStats:
      throw RequestFailure(.unknownMessage, "not a client's message")
    }
  }

  private func decode<Payload: WirePayload>(
    _ payload: UnsafeRawBufferPointer
  ) throws(RequestFailure) -> Payload {
    do throws(ProtocolError) { return try Payload.decode(payload) } catch {
      throw RequestFailure(error)
    }
  }
}
