import XgenProtocol

/// What a client asks about changes.
extension Session {
  func handleWatch(_ head: EnvelopeHead, _ request: FsWatch) throws(RequestFailure) {
    let path = try Self.relative(request.path)
    if !request.unwatch { return try sidecar.watches.add(self, head, path) }
    guard sidecar.watches.remove(self, path) else {
      throw RequestFailure(.notFound, "\(path): is not watched")
    }
    reply(.ack, to: head)
  }
}
