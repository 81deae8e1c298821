import XgenProtocol

/// Gives a session's processes their turns to send output.
///
/// While the connection has room, a turn is what the loop says is readable: one read of at most
/// 32 KiB per channel, then the next. Without room the pipes that have something stand in line
/// unread, so that their processes block; on the drain they are served round robin.
final class OutputPump {
  weak var session: Session?
  private var line: [(process: ExecProcess, pipe: OutputPipe)] = []

  /// Pipes that have something and stand in line.
  var waitingCount: Int { line.count }

  /// Something is readable. Its turn comes now, or after the drain.
  func ready(_ process: ExecProcess, _ pipe: OutputPipe) {
    guard let session, let transport = session.transport else { return process.takeTurn(pipe) }
    session.sidecar.ports.noteActivity()
    if !transport.isCongested { return process.takeTurn(pipe) }
    pipe.pause()
    line.append((process, pipe))
  }

  /// One turn each, in the order in which they came; who had one is polled again.
  func transportDidDrain() {
    let served = line.count
    var index = 0
    while index < served, session?.transport?.isCongested == false {
      let (process, pipe) = line[index]
      index += 1
      process.takeTurn(pipe)
      pipe.resume()
    }
    line.removeFirst(min(index, line.count))
  }

  /// The connection is gone: what its processes still write is read and dropped.
  func close() {
    session = nil
    let waiting = line
    line = []
    for (_, pipe) in waiting { pipe.resume() }
  }
}
