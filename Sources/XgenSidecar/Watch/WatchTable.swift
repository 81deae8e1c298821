import XgenProtocol

/// Who watches what, and which folders inotify watches for them.
struct WatchTable {
  struct Watch {
    let session: ObjectIdentifier
    /// Of the request: its events come there.
    let channel: UInt32
    /// As the client named it.
    let requested: String
    /// As the kernel names it.
    let path: String
    let isDirectory: Bool

    /// Whether a change of `changed` is this watch's news.
    func concerns(_ changed: String) -> Bool {
      changed == path || (isDirectory && WatchTable.lies(changed, below: path))
    }

    /// Whether this watch needs `folder` to be watched.
    func needs(_ folder: String) -> Bool {
      isDirectory ? concerns(folder) : folder == WatchScan.parent(of: path)
    }
  }

  private(set) var watches: [Watch] = []
  private var pathOfWatch: [Int32: String] = [:]
  private var watchOfPath: [String: Int32] = [:]

  static func lies(_ path: String, below folder: String) -> Bool {
    folder.isEmpty || (path.utf8.count > folder.utf8.count && path.hasPrefix(folder + "/"))
  }

  var directoryCount: Int { pathOfWatch.count }

  func path(of watch: Int32) -> String? { pathOfWatch[watch] }

  func count(of session: ObjectIdentifier) -> Int { watches.count { $0.session == session } }

  func isNeeded(_ folder: String) -> Bool { watches.contains { $0.needs(folder) } }

  /// Whether the change of a folder that is itself watched would be seen by nobody else.
  func isRoot(_ path: String) -> Bool { watches.contains { $0.isDirectory && $0.path == path } }

  mutating func add(_ watch: Watch) {
    watches.removeAll { $0.session == watch.session && $0.requested == watch.requested }
    watches.append(watch)
  }

  /// Whether there was one.
  mutating func remove(_ requested: String, of session: ObjectIdentifier) -> Bool {
    let before = watches.count
    watches.removeAll { $0.session == session && $0.requested == requested }
    return watches.count < before
  }

  mutating func removeAll(of session: ObjectIdentifier) {
    watches.removeAll { $0.session == session }
  }

  // MARK: Folders

  mutating func add(_ directory: WatchScan.Directory) {
    forget(directory.watch)
    watchOfPath[directory.path] = directory.watch
    pathOfWatch[directory.watch] = directory.path
  }

  mutating func forget(_ watch: Int32) {
    guard let path = pathOfWatch.removeValue(forKey: watch) else { return }
    if watchOfPath[path] == watch { watchOfPath[path] = nil }
  }

  /// Forgets a folder that has moved away and all below it; returns what inotify has to forget.
  mutating func forgetTree(_ path: String) -> [Int32] {
    forgetAll { $0 == path || Self.lies($0, below: path) }
  }

  /// The same for folders that no watch needs any more.
  mutating func forgetUnneeded() -> [Int32] {
    let watches = watches
    return forgetAll { folder in !watches.contains { $0.needs(folder) } }
  }

  private mutating func forgetAll(_ matches: (String) -> Bool) -> [Int32] {
    let gone = pathOfWatch.filter { matches($0.value) }.map(\.key)
    for watch in gone { forget(watch) }
    return gone
  }
}
