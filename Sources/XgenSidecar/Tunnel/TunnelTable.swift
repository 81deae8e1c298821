import Reactor

/// The tunnels of one sidecar, those that still connect included.
///
/// A tunnel may be silent for as long as there is room: a WebSocket of a preview may be, for hours.
/// When there is none, the one that has been silent for longest makes room, if that is long enough.
final class TunnelTable {
  private let limit: Int
  private let quietMs: UInt64
  private var open: [ObjectIdentifier: Tunnel] = [:]
  private var connecting = 0

  init(limits: SidecarLimits) {
    limit = limits.tunnelsAtOnce
    quietMs = limits.tunnelQuietMs
  }

  var count: Int { open.count + connecting }

  /// Bytes that wait for peers, of all tunnels together.
  var pendingByteCount: Int { open.values.reduce(0) { $0 + $1.pendingByteCount } }

  /// Counts a connection that is being made, until `settle`; false if there is no room.
  func begin(nowMs: UInt64) -> Bool {
    if count >= limit && !evict(nowMs) { return false }
    connecting += 1
    return true
  }

  /// The connection was made, and is this tunnel, or was not.
  func settle(_ tunnel: Tunnel?) {
    connecting -= 1
    if let tunnel { open[ObjectIdentifier(tunnel)] = tunnel }
  }

  func remove(_ tunnel: Tunnel) { open[ObjectIdentifier(tunnel)] = nil }

  private func evict(_ nowMs: UInt64) -> Bool {
    guard let silent = open.values.min(by: { $0.lastActivityMs < $1.lastActivityMs }),
      nowMs - silent.lastActivityMs >= quietMs
    else { return false }
    remove(silent)
    silent.close()
    return true
  }

  func close() {
    for tunnel in open.values { tunnel.close() }
  }
}
