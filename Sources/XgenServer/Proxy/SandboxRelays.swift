internal import Reactor

/// The client WebSockets of one sandbox, by the caller who opened them.
@LoopActor
final class SandboxRelays {
  private var groups: [RelayGroup] = []

  /// Every relay of a server has these.
  nonisolated static let settings = WebSocketRelaySettings(
    maxClientMessageBytes: Limits.maxMessageBytes,
    maxUpstreamMessageBytes: Limits.maxSidecarMessageBytes, frameStallMs: Limits.frameStallMs,
    endMs: Limits.relayEndMs, lostReason: "the sandbox's connection was lost",
    brokenReason: "the sandbox broke the protocol")

  nonisolated init() {}

  var count: Int { groups.reduce(0) { $0 + $1.relays.count } }
  var all: [WebSocketRelay] { groups.flatMap(\.relays.keys) }

  /// Joins both connections; their relay ends by itself.
  func open(
    _ client: HTTPUpgrade, _ sidecar: HTTPUpgrade, by context: RequestContext,
    for caller: Principal, of sandbox: Sandbox, on server: Server
  ) {
    let group = self.group(of: caller, sandbox, server)
    let relay = WebSocketRelay(
      client: client, upstream: sidecar, settings: Self.settings,
      total: server.metrics.webSocketBytes, owner: group)
    group.relays[relay] = RelayOpening(
      timeMs: server.clock.nowMs(), requestID: context.id, peer: context.peerHost)
    relay.start(client: client, upstream: sidecar)
  }

  private func group(of caller: Principal, _ sandbox: Sandbox, _ server: Server) -> RelayGroup {
    groups.removeAll { $0.relays.isEmpty }
    if let group = groups.first(where: { $0.caller == caller }) { return group }
    let group = RelayGroup(caller, sandbox, server)
    groups.append(group)
    return group
  }

  func end(_ code: WebSocketCloseCode, _ reason: String) {
    for relay in all { relay.end(code, reason) }
  }

  /// Ends those of the callers that `isCut` names; returns how many.
  func end(
    _ code: WebSocketCloseCode, _ reason: String, where isCut: (Principal) -> Bool
  ) -> Int {
    let cut = groups.filter { isCut($0.caller) }.flatMap(\.relays.keys)
    for relay in cut { relay.end(code, reason) }
    return cut.count
  }

  func checkStalls() {
    for group in groups { for relay in group.relays.keys { relay.checkStall() } }
  }
}

/// What is told of a relay's opening at its end: no more, since there may be ten thousand.
struct RelayOpening {
  /// Unix time in milliseconds.
  let timeMs: Int64
  let requestID: String
  let peer: String
}

/// The relays of one caller in one sandbox. They share what is told of them, so that a relay holds
/// nothing of it.
@LoopActor
private final class RelayGroup: @preconcurrency WebSocketRelayOwner {
  let caller: Principal
  fileprivate(set) var relays: [WebSocketRelay: RelayOpening] = [:]
  private let sandboxID: String
  private weak var sandbox: Sandbox?
  private let server: Server

  init(_ caller: Principal, _ sandbox: Sandbox, _ server: Server) {
    self.caller = caller
    self.sandbox = sandbox
    sandboxID = sandbox.record.id
    self.server = server
  }

  func relay(_ relay: WebSocketRelay, upstreamBroke reason: String) {
    guard let sandbox else { return }
    _ = server.sidecars.fault(sandbox, "the sidecar broke the WebSocket protocol: \(reason)")
  }

  func relayDidEnd(_ relay: WebSocketRelay) {
    guard let opening = relays.removeValue(forKey: relay) else { return }
    server.auditEnd(of: relay, opening, by: caller, in: sandboxID)
  }
}
