internal import Logging
internal import Reactor

extension LocalBackend {
  /// Makes the host ready and takes over the sandboxes that an earlier server left running.
  func start() async throws(BackendError) -> [SandboxRecord] {
    precondition(host == nil, "a backend starts once")
    let host = try await prepare()
    self.host = host
    warnOfMissingLimits(host)
    let survey = await patiently { LeftoverSurvey.run(host) }
    for removed in survey.removed {
      logger.notice(
        "removed what was left of a sandbox",
        metadata: ["sandbox": "\(removed.id)", "reason": "\(removed.reason)"])
    }
    for error in survey.stuck {
      logger.error("can't remove a cgroup", metadata: ["error": "\(error)"])
    }
    for state in survey.alive { adopt(state) }
    await dropImpostors()
    await limitAdopted(host)
    startSweep()
    return sandboxes.values.map(\.state.record).sorted { $0.createdAtMs < $1.createdAtMs }
  }

  private func prepare() async throws(BackendError) -> LocalHost {
    let configuration = configuration
    let desktops = desktops
    let trialUID = uids?.take()
    defer { if let trialUID { uids?.release(trialUID) } }
    let result = await patiently {
      Result { () throws(LocalError) in
        try LocalHost.prepare(configuration, desktops: desktops, trialUID: trialUID)
      }
    }
    switch result {
    case .success(let host): return host
    case .failure(let error): throw .unavailable("\(error)")
    }
  }

  private func adopt(_ state: SandboxState) {
    guard let processes = state.processes else { return }
    let id = state.record.id
    let sandbox = LocalSandbox(state)
    // Before anything can fail: its user must not be given to another one.
    if let uid = state.uid { _ = uids?.reserve(uid) }
    do {
      try watch(sandbox, processes)
    } catch {
      // Its processes go on; nobody can reach them until a server with more room starts.
      logger.error("can't watch a sandbox", metadata: ["sandbox": "\(id)", "error": "\(error)"])
      return
    }
    sandboxes[id] = sandbox
    logger.info("adopted a sandbox", metadata: ["sandbox": "\(id)"])
  }

  /// A process may have ended, and its pid been used again, between the survey and the watch. Now
  /// that the watches hold the pids' present owners, their start times decide.
  private func dropImpostors() async {
    let states = sandboxes.values.map(\.state)
    let (gone, cutOff) = await patiently {
      let gone = states.filter { $0.processes?.sidecar.isRunning != true }
      for state in gone { state.processes?.network?.end() }
      let cutOff = states.filter { $0.processes?.network?.isRunning == false }
      return (gone.map(\.record.id), cutOff.map(\.record.id))
    }
    for id in cutOff where !gone.contains(id) { sandboxes[id]?.dropNetwork() }
    for id in gone {
      sandboxes[id]?.detach()
      sandboxes[id]?.isUnwanted = true
      await discard(id)
    }
  }

  /// Finds adopted sandboxes' cgroups, which outlive a server, and sets their limits again.
  private func limitAdopted(_ host: LocalHost) async {
    let states = sandboxes.values.map(\.state)
    let found = await patiently { states.map { (state: $0, AdoptedLimits($0, host)) } }
    for (state, limits) in found {
      guard let sandbox = sandboxes[state.record.id] else { continue }
      sandbox.cgroup = limits.cgroup
      sandbox.memoryKills = limits.memoryKills
      guard let problem = limits.problem else { continue }
      logger.warning(
        "an adopted sandbox is not held to its limits",
        metadata: ["sandbox": "\(state.record.id)", "reason": "\(problem)"])
    }
  }
}

/// The cgroups of a sandbox that an earlier server made.
private struct AdoptedLimits: Sendable {
  let cgroup: SandboxCgroup?
  let memoryKills: UInt64
  let problem: String?

  /// Blocks.
  init(_ state: SandboxState, _ host: LocalHost) {
    cgroup = host.cgroups.find(state.record.id)
    memoryKills = cgroup?.memoryKills ?? 0
    guard let cgroup else {
      problem = host.cgroups.folders.isEmpty ? nil : "it was started without cgroups"
      return
    }
    do throws(LocalError) {
      try cgroup.apply(host.launcher.cgroupLimits(state.limits, state.record.network))
      problem = nil
    } catch {
      problem = "\(error)"
    }
  }
}
