import Glibc
import Reactor
import XgenProtocol

/// File system changes for all sessions.
///
/// inotify is opened at the first watch and closed after the last. While a worker puts folders
/// under watch, events stay in the kernel's queue: so none is seen before its folder is known.
/// Changes are gathered for one short turn, then sent; to a client that does not read, they wait,
/// each path's repetitions dropped, up to a bound.
final class WatchHub {
  private unowned let sidecar: Sidecar
  private var inotify: Inotify?
  private var table = WatchTable()
  private var scans = 0
  private var gathered = ChangeList()
  private var timer: Timer?
  /// For clients whose connection is congested.
  private var outboxes: [ObjectIdentifier: ChangeList] = [:]

  init(sidecar: Sidecar) { self.sidecar = sidecar }

  var directoryCount: Int { table.directoryCount }

  // MARK: Requests

  func add(_ session: Session, _ head: EnvelopeHead, _ path: String) throws(RequestFailure) {
    let limit = sidecar.limits.watchesPerSession
    if table.count(of: ObjectIdentifier(session)) >= limit {
      throw RequestFailure(.limitReached, "\(limit) watches on this connection")
    }
    try scan({ (scan) throws(RequestFailure) in try scan.watch(path) }) { [self] result in
      switch result {
      case .success(let found): finishAdding(session, head, path, found)
      case .failure(let failure): session.fail(failure, head)
      }
      session.finishRequest(head)
    }
    session.beginRequest(head)
  }

  private func finishAdding(
    _ session: Session, _ head: EnvelopeHead, _ path: String, _ found: WatchScan.Found
  ) {
    for directory in found.directories { table.add(directory) }
    if session.isClosed { return }
    let id = ObjectIdentifier(session)
    table.add(
      .init(
        session: id, channel: head.channel, requested: path, path: found.path,
        isDirectory: found.isDirectory))
    if table.directoryCount > sidecar.limits.watchedDirectories {
      _ = table.remove(path, of: id)
      let text = "over \(sidecar.limits.watchedDirectories) folders are watched in this sandbox"
      return session.fail(RequestFailure(.limitReached, text), head)
    }
    session.reply(.ack, to: head)
  }

  /// False if there is no such watch.
  func remove(_ session: Session, _ path: String) -> Bool {
    defer { prune() }
    return table.remove(path, of: ObjectIdentifier(session))
  }

  func removeAll(of session: Session) {
    outboxes[ObjectIdentifier(session)] = nil
    table.removeAll(of: ObjectIdentifier(session))
    prune()
  }

  // MARK: Scans

  private func scan(
    _ body: @escaping @Sendable (WatchScan) throws(RequestFailure) -> WatchScan.Found,
    then: @escaping (Result<WatchScan.Found, RequestFailure>) -> Void
  ) throws(RequestFailure) {
    let inotify = try opened()
    let scan = WatchScan(
      workspace: sidecar.workspace, inotify: inotify.descriptor,
      maxDirectories: sidecar.limits.watchedDirectories)
    do throws(WorkerPool.Full) {
      try sidecar.workers.submit({ Result { () throws(RequestFailure) in try body(scan) } }) {
        [self] result in
        scans -= 1
        then(result)
        prune()
        if scans == 0 { self.inotify?.setPaused(false) }
      }
    } catch {
      prune()
      throw WorkerPool.Full.failure
    }
    scans += 1
    inotify.setPaused(true)
  }

  private func opened() throws(RequestFailure) -> Inotify {
    if let inotify { return inotify }
    do throws(UVError) {
      let inotify = try Inotify(loop: sidecar.loop) { [unowned self] in take($0) }
      self.inotify = inotify
      return inotify
    } catch {
      throw RequestFailure(.watchError, "inotify: \(error)")
    }
  }

  /// Lets go of what no watch needs; of all, when there is none.
  private func prune() {
    if scans > 0 { return }
    for watch in table.forgetUnneeded() { inotify?.remove(watch) }
    if table.watches.isEmpty {
      inotify?.close()
      inotify = nil
    }
  }

  // MARK: Events

  private func take(_ events: [InotifyEvent]) {
    for event in events {
      if event.has(Int32(IN_Q_OVERFLOW)) {
        reportToAll("events were lost: too many at once")
      } else if let folder = table.path(of: event.watch) {
        event.name.isEmpty ? takeOfFolder(event, folder) : take(event, in: folder)
      }
    }
  }

  private func takeOfFolder(_ event: InotifyEvent, _ folder: String) {
    if event.has(IN_DELETE_SELF | IN_MOVE_SELF) {
      if table.isRoot(folder) { note(folder, .deleted) }
      if event.has(Int32(IN_MOVE_SELF)) { forgetTree(folder) }
    } else if event.has(Int32(IN_IGNORED)) {
      table.forget(event.watch)
    }
  }

  private func take(_ event: InotifyEvent, in folder: String) {
    if event.name.hasPrefix(TemporaryName.prefix) { return }
    let path = WatchScan.join(folder, event.name)
    if event.has(IN_CREATE | IN_MOVED_TO) {
      note(path, .created)
      if event.isDirectory && table.isNeeded(path) { scanNew(path) }
    } else if event.has(IN_DELETE | IN_MOVED_FROM) {
      note(path, .deleted)
      if event.isDirectory { forgetTree(path) }
    } else if event.has(Int32(IN_MODIFY)) {
      note(path, .modified)
    }
  }

  private func forgetTree(_ path: String) {
    for watch in table.forgetTree(path) { inotify?.remove(watch) }
  }

  /// A folder has appeared: it is watched too, and what is in it already is news.
  private func scanNew(_ path: String) {
    do throws(RequestFailure) {
      try scan({ (scan) throws(RequestFailure) in try scan.watchTree(path) }) { [self] result in
        switch result {
        case .success(let found): takeNew(found)
        case .failure(let failure):
          if failure.code != .notFound { reportToAll(failure.message) }
        }
      }
    } catch {
      reportToAll(error.message)
    }
  }

  private func takeNew(_ found: WatchScan.Found) {
    for directory in found.directories {
      if table.directoryCount >= sidecar.limits.watchedDirectories {
        inotify?.remove(directory.watch)
        reportToAll("over \(sidecar.limits.watchedDirectories) folders to watch")
        continue
      }
      table.add(directory)
    }
    for entry in found.entries { note(entry, .created) }
  }

  // MARK: Towards the clients

  private func note(_ path: String, _ change: FsEvent.Change) {
    gathered.add(FsEvent(path: path, change: change))
    if gathered.count >= sidecar.limits.pendingChanges { return flush() }
    if timer == nil { startTimer() }
  }

  private func startTimer() {
    timer = sidecar.loop.after(ms: sidecar.limits.watchTurnMs) { [unowned self] in
      timer = nil
      // What a scan finds may be told by an event, too: both belong to one turn.
      if scans > 0 { startTimer() } else { flush() }
    }
  }

  private func flush() {
    timer?.cancel()
    timer = nil
    for change in gathered.takeAll() {
      for (id, session) in sidecar.sessions {
        for channel in channels(of: id, for: change.event.path) {
          deliver(change.event, channel, to: session, id)
        }
      }
    }
  }

  private func channels(of session: ObjectIdentifier, for path: String) -> Set<UInt32> {
    Set(table.watches.lazy.filter { $0.session == session && $0.concerns(path) }.map(\.channel))
  }

  private func deliver(
    _ event: FsEvent, _ channel: UInt32, to session: Session, _ id: ObjectIdentifier
  ) {
    guard let transport = session.transport else { return }
    if outboxes[id] == nil && !transport.isCongested {
      return transport.send(event, channel: channel)
    }
    outboxes[id, default: ChangeList()].add(event, channel: channel)
    if outboxes[id]!.count > sidecar.limits.pendingChanges {
      outboxes[id] = nil
      report("events were lost: the connection is too slow", to: session)
    }
  }

  func transportDidDrain(of session: Session) {
    let id = ObjectIdentifier(session)
    guard var waiting = outboxes.removeValue(forKey: id) else { return }
    for change in waiting.takeAll() { deliver(change.event, change.channel, to: session, id) }
  }

  private func reportToAll(_ message: String) {
    for (id, session) in sidecar.sessions where table.count(of: id) > 0 {
      report(message, to: session)
    }
  }

  private func report(_ message: String, to session: Session) {
    session.fail(RequestFailure(.watchError, message), EnvelopeHead(.error))
  }

  func close() {
    timer?.cancel()
    timer = nil
    table = WatchTable()
    inotify?.close()
    inotify = nil
  }
}
