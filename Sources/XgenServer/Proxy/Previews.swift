internal import Reactor

/// The previews of all sandboxes: their upstream connections and how many are in use.
@LoopActor
final class Previews {
  let pool: UpstreamPool
  let maxConnections: Int
  /// Requests under way and upgraded connections, of all sandboxes.
  private(set) var connectionCount = 0

  init(loop: Loop, limits: UpstreamLimits = UpstreamLimits(), maxConnections: Int) {
    var limits = limits
    // They are descriptors, too.
    limits.maxIdle = min(limits.maxIdle, max(1, maxConnections / 4))
    pool = UpstreamPool(loop: loop, limits: limits)
    self.maxConnections = maxConnections
  }

  /// Counts one more connection, until `didEnd`; throws where there is no room.
  func begin(in sandbox: Sandbox) throws(APIError) {
    guard sandbox.previews.connectionCount < Limits.maxPreviewConnectionsPerSandbox else {
      throw .quotaExceeded(
        "the sandbox's previews have \(Limits.maxPreviewConnectionsPerSandbox) connections already",
        retryAfterSeconds: 1)
    }
    guard connectionCount < maxConnections else {
      throw .capacityExhausted("previews have \(maxConnections) connections already")
    }
    connectionCount += 1
    sandbox.previews.connectionCount += 1
  }

  func didEnd(in sandbox: Sandbox) {
    connectionCount -= 1
    sandbox.previews.connectionCount -= 1
  }

  /// The server on a port of a sandbox.
  func upstream(_ port: UInt16, in sandbox: Sandbox, by sidecars: SidecarClient) -> Upstream {
    if let known = sandbox.previews.upstreams[port] { return known }
    if sandbox.previews.upstreams.count >= Limits.maxPreviewUpstreamsPerSandbox {
      sandbox.previews.upstreams = sandbox.previews.upstreams.filter { $0.value.isInUse }
    }
    let upstream = Upstream { [unowned sandbox] done in
      sidecars.dial(port, in: sandbox) { done(Self.stream($0)) }
    }
    sandbox.previews.upstreams[port] = upstream
    return upstream
  }

  private static func stream(
    _ result: Result<HTTPUpgrade, PortDialError>
  ) -> Result<any ByteStream, HTTPClientError> {
    switch result {
    case .success(let tunnel) where tunnel.leftover.isEmpty && !tunnel.peerHasEnded:
      return .success(tunnel.stream)
    case .success(let tunnel):
      // It speaks before it is spoken to.
      tunnel.stream.close()
      return .failure(.malformed(.invalidStatusLine))
    case .failure(.nothingListens): return .failure(.stream(.connect(.connectionRefused)))
    case .failure(.timedOut): return .failure(.timedOut(.connect))
    case .failure(.limitReached): return .failure(.refused(status: 503, body: ""))
    case .failure(.unreachable(let reason)): return .failure(.unreachable(reason))
    }
  }

  /// The sandbox ends: nothing of it is kept, and what was upgraded is closed.
  func forget(_ sandbox: Sandbox) {
    for upstream in sandbox.previews.upstreams.values { pool.drop(upstream) }
    sandbox.previews.upstreams = [:]
    for request in sandbox.previews.upgraded.values { request.abort() }
  }

  func close() { pool.close() }
}

/// What a sandbox's previews hold.
@LoopActor
final class SandboxPreviews {
  /// By port; those that are in use, and some that were.
  var upstreams: [UInt16: Upstream] = [:]
  /// What has left HTTP.
  var upgraded: [ObjectIdentifier: PreviewRequest] = [:]
  /// What a private preview was opened for, upgraded or not.
  var granted: [ObjectIdentifier: PreviewRequest] = [:]
  /// Requests under way and upgraded connections.
  var connectionCount = 0

  /// Ends what was let in by something that no longer stands; returns how many.
  @discardableResult
  func cut(where isGone: (PreviewGrant.Holder) -> Bool) -> Int {
    let cut = granted.values.filter { $0.holder.map(isGone) ?? false }
    for request in cut { request.abort() }
    return cut.count
  }
}

extension PortDial: @preconcurrency UpstreamDial {}
