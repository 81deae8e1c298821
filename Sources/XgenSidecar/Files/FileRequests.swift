import Reactor
import XgenProtocol

/// What a client asks about files. The work is done on workers, beneath the workspace.
extension Session {
  func handleRead(_ head: EnvelopeHead, _ request: FsRead) throws(RequestFailure) {
    let path = try Self.relative(request.path)
    let limit = sidecar.limits.maxFileBytes
    try transfer(holding: 0, head) { workspace throws(RequestFailure) in
      try workspace.read(path, atMost: limit)
    } answer: { session, bytes in
      // Not counted as an unread answer: the transfer's turn lasts until it has been read.
      session.transport?.send(EnvelopeHead(.fsRead, channel: head.channel, id: head.id), bytes)
    }
  }

  func handleWrite(_ head: EnvelopeHead, _ request: FsWrite) throws(RequestFailure) {
    let path = try Self.relative(request.path)
    let mode = request.mode
    guard sidecar.transfers.accepts(request.content.count) else { throw WorkerPool.Full.failure }
    let content = [UInt8](request.content)  // the message is only lent
    try transfer(holding: content.count, head) { workspace throws(RequestFailure) in
      try workspace.write(content, to: path, mode: mode)
    } answer: { session, _ in
      session.reply(.ack, to: head)
    }
  }

  func handleList(_ head: EnvelopeHead, _ request: FsList) throws(RequestFailure) {
    let path = try Self.relative(request.path)
    let limit = sidecar.limits.listedEntries
    try work(head) { workspace throws(RequestFailure) in
      let found = try workspace.list(path, atMost: limit)
      if found.isCut {
        throw RequestFailure(.limitReached, "\(path): over \(limit) entries")
      }
      let listing = FsListReply(entries: found.entries).encode()
      guard listing.count <= WireLimits.maxPayloadBytes else {
        throw RequestFailure(.limitReached, "listing of \(listing.count) bytes")
      }
      return listing
    } answer: { session, listing in
      session.reply(.fsList, listing, to: head)
    }
  }

  func handleRemove(_ head: EnvelopeHead, _ request: FsRemove) throws(RequestFailure) {
    let path = try Self.relative(request.path)
    let recursive = request.recursive
    try work(head) { workspace throws(RequestFailure) in
      try workspace.remove(path, recursive: recursive)
    } answer: { session, _ in
      session.reply(.ack, to: head)
    }
  }

  static func relative(_ path: String) throws(RequestFailure) -> String {
    do throws(ProtocolError) { return try WorkspacePath.relative(path) } catch {
      throw RequestFailure(error)
    }
  }
}

// MARK: Workers

extension Session {
  /// Does `body` on a worker, then answers on the loop; nobody is answered once closed.
  private func work<Value: Sendable>(
    _ head: EnvelopeHead,
    _ body: @escaping @Sendable (Workspace) throws(RequestFailure) -> Value,
    then finished: @escaping () -> Void = {},
    answer: @escaping (Session, Value) -> Void
  ) throws(RequestFailure) {
    let workspace = sidecar.workspace
    do throws(WorkerPool.Full) {
      try sidecar.workers.submit({ Result { () throws(RequestFailure) in try body(workspace) } }) {
        [self] result in
        switch result {
        case .success(let value): answer(self, value)
        case .failure(let failure): fail(failure, head)
        }
        finished()
        finishRequest(head)
      }
    } catch {
      throw WorkerPool.Full.failure
    }
    beginRequest(head)
  }

  /// The same for what moves a file's bytes: in its turn, and not over before the client has room
  /// again, so that unread answers don't pile up.
  private func transfer<Value: Sendable>(
    holding byteCount: Int, _ head: EnvelopeHead,
    _ body: @escaping @Sendable (Workspace) throws(RequestFailure) -> Value,
    answer: @escaping (Session, Value) -> Void
  ) throws(RequestFailure) {
    let gate = sidecar.transfers
    guard gate.accepts(byteCount) else { throw WorkerPool.Full.failure }
    let waits = !gate.hasRoom
    if waits {
      beginRequest(head)
      holdFileBytes(byteCount)
    }
    gate.enter(byteCount) { [self] in
      if waits { holdFileBytes(-byteCount) }
      if isClosed { return gate.finish() }
      do throws(RequestFailure) {
        try work(head, body, then: { self.whenDrained { gate.finish() } }, answer: answer)
      } catch {
        fail(error, head)
        gate.finish()
        if waits { finishRequest(head) }
      }
    }
  }
}
