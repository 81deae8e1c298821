internal import Logging
internal import Reactor

// Sandboxes that use more than they may, seen by a sweep and dealt with on the loop.
extension LocalBackend {
  var notEnforced: Set<ResourceName> {
    guard let host else { return [] }
    return Set(host.cgroups.problems.keys.compactMap(\.resource))
  }

  /// Tells once what this host can't hold sandboxes to.
  func warnOfMissingLimits(_ host: LocalHost) {
    for controller in CgroupController.allCases {
      guard let problem = host.cgroups.problems[controller], let resource = controller.resource
      else { continue }
      logger.warning(
        "a limit is not enforced on this host",
        metadata: [
          "resource": "\(resource.rawValue)", "reason": "\(problem)",
          "remedy": """
          run as root with a writable cgroup hierarchy, or as a systemd service with \
          Delegate=yes (docs/RESOURCES.md)
          """,
        ])
    }
  }

  func startSweep() {
    sweepTimer = LoopActor.loop.every(ms: LocalLimits.sweepMs) { [unowned self] in beginSweep() }
  }

  /// Returns when no turn is under way; none will be.
  func endSweep() async {
    sweepTimer?.cancel()
    sweepTimer = nil
    while isSweeping { await pause() }
  }

  private func beginSweep() {
    guard let host, !isSweeping else { return }
    let subjects = sandboxes.values.filter { $0.isSwept }.map { sandbox in
      let id = sandbox.state.record.id
      return ResourceSweep.Subject(
        id: id, home: host.directory.home(id), diskBytes: sandbox.state.limits.diskBytes,
        cgroup: sandbox.cgroup)
    }
    if subjects.isEmpty { return }
    isSweeping = true
    LoopActor.task { await self.sweep(subjects) }
  }

  private func sweep(_ subjects: [ResourceSweep.Subject]) async {
    let resources = resources
    // A pool that is full leaves this turn out.
    let findings = try? await workers.run { resources.turn(subjects) }
    isSweeping = false
    guard let findings else { return }
    for (id, kills) in findings.memoryKills { note(kills, in: sandboxes[id]) }
    for (id, verdict) in findings.disk {
      guard let sandbox = sandboxes[id], sandbox.isSwept else { continue }
      end(sandbox, Self.reason(verdict, sandbox.state.limits))
    }
  }

  private static func reason(_ verdict: DiskMeter.Verdict, _ limits: SandboxLimits) -> String {
    switch verdict {
    case .over(let bytes):
      "disk over its limit: used \(Quantity.binary(bytes)) of \(Quantity.binary(limits.diskBytes))"
    case .unmeasurable(let why): "disk can't be measured: \(why)"
    }
  }

  /// Ends all processes of a sandbox for a reason that its client is told.
  private func end(_ sandbox: LocalSandbox, _ reason: String) {
    let id = sandbox.state.record.id
    sandbox.isCondemned = true
    onEvent?(.failed(id: id, reason: reason))
    sandbox.kill()
  }

  // MARK: Memory

  func memoryKills(id: String) -> UInt64 { sandboxes[id]?.memoryKills ?? 0 }

  func outOfMemory(id: String, since count: UInt64) async -> String? {
    guard let sandbox = sandboxes[id], let cgroup = sandbox.cgroup else { return nil }
    guard let kills = try? await workers.run({ cgroup.memoryKills }) else { return nil }
    note(kills, in: sandbox)
    if kills <= count { return nil }
    return "out of memory (limit \(Quantity.binary(sandbox.state.limits.memoryBytes)))"
  }

  private func note(_ kills: UInt64, in sandbox: LocalSandbox?) {
    guard let sandbox, kills > sandbox.memoryKills else { return }
    let more = kills - sandbox.memoryKills
    sandbox.memoryKills = kills
    sandbox.memoryKilledAtMs = LoopActor.loop.nowMs
    onEvent?(.memoryKilled(id: sandbox.state.record.id, count: more))
  }

  /// The reason for the end of a sandbox whose first process was killed because no memory was left;
  /// nil if that is not what happened.
  func memoryReason(_ sandbox: LocalSandbox) async -> String? {
    guard let cgroup = sandbox.cgroup else { return nil }
    if let code = sandbox.exitCode, code != Limits.killedExitCode { return nil }
    note(await patiently { cgroup.memoryKills }, in: sandbox)
    guard let atMs = sandbox.memoryKilledAtMs,
      LoopActor.loop.nowMs - atMs <= LocalLimits.memoryReasonMs
    else { return nil }
    return "out of memory: over the limit of \(Quantity.binary(sandbox.state.limits.memoryBytes))"
  }
}
