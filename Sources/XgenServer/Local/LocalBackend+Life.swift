internal import Logging
internal import Reactor

extension LocalBackend {
  func create(_ record: SandboxRecord) async throws(BackendError) {
    guard let host, !isShuttingDown else { throw .unavailable("the server is shutting down") }
    guard sandboxes[record.id] == nil else { throw .failed("the sandbox exists already") }
    let uid = try takeUID()
    let limits = SandboxLimits(record.resources, defaults: configuration.limits.resources)
    let sandbox = LocalSandbox(
      SandboxState(record: record, uid: uid, limits: limits, bootID: host.launcher.bootID))
    sandboxes[record.id] = sandbox
    await sandbox.turns.enter()
    defer { sandbox.turns.leave() }
    do {
      sandbox.state = try await launch(sandbox.state, host)
      sandbox.cgroup = host.cgroups.expected(record.id)
      try await watch(sandbox, host)
    } catch {
      await discard(record.id)
      throw error
    }
    if sandbox.isUnwanted { throw .failed("the sandbox was deleted while it started") }
  }

  func delete(id: String) async {
    guard let sandbox = sandboxes[id] else { return }
    sandbox.isUnwanted = true
    sandbox.kill()
    await sandbox.turns.enter()
    defer { sandbox.turns.leave() }
    guard sandboxes[id] === sandbox else { return }  // another delete came first
    sandbox.kill()
    await sandbox.waitForEnd()
    await discard(id)
  }

  func shutdown() async {
    isShuttingDown = true
    await withTaskGroup { group in
      for id in sandboxes.keys {
        group.addTask(executorPreference: LoopActor.executor) { await self.delete(id: id) }
      }
    }
    await endSweep()
    if let host { await patiently { host.cgroups.removeOwn() } }
  }

  // MARK: Steps

  private func takeUID() throws(BackendError) -> UInt32? {
    guard uids != nil else { return nil }
    guard let uid = uids?.take() else {
      throw .unavailable(
        "every host user of the range for sandboxes is taken (\(configuration.uidRange.count))")
    }
    return uid
  }

  private func launch(
    _ wanted: SandboxState, _ host: LocalHost
  ) async throws(BackendError) -> SandboxState {
    let work = { @Sendable in
      Result { () throws(BackendError) -> SandboxState in
        try Template.check(wanted.record)
        do {
          return try host.launcher.launch(wanted)
        } catch {
          throw .failed("\(error)")
        }
      }
    }
    do {
      return try await workers.run(work).get()
    } catch let error as BackendError {
      throw error
    } catch {
      throw .unavailable("too many sandboxes are starting or ending")
    }
  }

  /// From here on an end of the sandbox is seen.
  private func watch(_ sandbox: LocalSandbox, _ host: LocalHost) async throws(BackendError) {
    guard let processes = sandbox.state.processes else { return }
    var problem = "bubblewrap could not make the sandbox"
    do {
      try watch(sandbox, processes)
      // Only now that the watch holds the pid: before, it might have been used again.
      if await patiently({ processes.sidecar.isRunning }) { return }
    } catch {
      problem = "the sandbox can't be watched: \(error)"
    }
    sandbox.detach()
    let id = sandbox.state.record.id
    let tail = await patiently {
      processes.sidecar.end()
      processes.monitor.end()
      processes.network?.end()
      return LogTail.read(host.directory.launchLog(id))
    }
    throw .failed(tail.isEmpty ? problem : "\(problem): \(tail)")
  }

  /// Frees all that a sandbox without processes holds.
  func discard(_ id: String) async {
    guard let host, let sandbox = sandboxes[id] else { return }
    await removals.enter()
    let result = await patiently {
      Result { () throws(LocalError) in try host.remove(id) }
    }
    removals.leave()
    sandboxes[id] = nil
    if case .failure(let error) = result {
      // Its files belong to this user, who must not be given to another sandbox.
      logger.error(
        "can't remove what a sandbox left", metadata: ["sandbox": "\(id)", "error": "\(error)"])
    } else if let uid = sandbox.state.uid {
      uids?.release(uid)
    }
  }
}
