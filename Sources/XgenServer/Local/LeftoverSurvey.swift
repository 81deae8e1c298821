/// What an earlier server left in the data folder: sandboxes that live on, and remains.
struct LeftoverSurvey: Sendable {
  /// Alive: their processes run and their sockets are there.
  private(set) var alive: [SandboxState] = []
  /// Removed, and why; the reason of a failed removal is added to it.
  private(set) var removed: [Removed] = []
  /// Cgroups of no living sandbox that could not be removed.
  private(set) var stuck: [LocalError] = []

  struct Removed: Sendable, Equatable {
    let id: String
    let reason: String
  }

  /// Looks at every sandbox's folder and removes all that does not live. Blocks.
  static func run(_ host: LocalHost) -> LeftoverSurvey {
    var survey = LeftoverSurvey()
    var dead: [Removed] = []
    for id in HostFiles.names(in: host.directory.sandboxes).sorted() {
      switch verdict(id, host) {
      case .success(let state): survey.alive.append(state)
      case .failure(let reason): dead.append(Removed(id: id, reason: "\(reason)"))
      }
    }
    let living = Set(survey.alive.map(\.record.id))
    StrayProcesses.end(under: host.directory) { !living.contains($0) }
    survey.stuck = host.cgroups.removeLeftovers(keeping: living)
    survey.removed = dead.map { remove($0, host) }
    removeSockets(host.directory, keeping: living)
    return survey
  }

  private static func verdict(_ id: String, _ host: LocalHost) -> Result<SandboxState, LocalError> {
    Result { () throws(LocalError) in
      let state = try SandboxState.load(id, in: host.directory)
      guard let processes = state.processes else { throw .program("it never started") }
      guard state.bootID == host.launcher.bootID else { throw .program("the host has rebooted") }
      guard processes.sidecar.isRunning else { throw .program("its sidecar has ended") }
      guard HostFiles.exists(host.directory.socket(id)) else {
        processes.sidecar.end()
        throw .program("its socket is gone")
      }
      return state
    }
  }

  private static func remove(_ dead: Removed, _ host: LocalHost) -> Removed {
    do {
      try SandboxRemoval.remove(dead.id, in: host.directory)
      return dead
    } catch {
      return Removed(id: dead.id, reason: "\(dead.reason); \(error)")
    }
  }

  private static func removeSockets(_ directory: DataDirectory, keeping living: Set<String>) {
    let wanted = Set(living.map { directory.socketName($0) })
    for name in HostFiles.names(in: directory.run) where !wanted.contains(name) {
      HostFiles.remove(directory.run + "/" + name)
    }
  }
}
