/// What the relays of one server have in common.
public final class WebSocketRelaySettings: Sendable {
  /// The largest message of a client, and of an upstream.
  public let maxClientMessageBytes: Int
  public let maxUpstreamMessageBytes: Int
  /// Without a byte inside a frame that has begun.
  public let frameStallMs: UInt64
  /// For a peer to take the last bytes and to close.
  public let endMs: UInt64
  /// What a client is told in a Close whose upstream has gone, and has broken the protocol.
  public let lostReason: String
  public let brokenReason: String

  public init(
    maxClientMessageBytes: Int, maxUpstreamMessageBytes: Int, frameStallMs: UInt64,
    endMs: UInt64, lostReason: String, brokenReason: String
  ) {
    self.maxClientMessageBytes = maxClientMessageBytes
    self.maxUpstreamMessageBytes = maxUpstreamMessageBytes
    self.frameStallMs = frameStallMs
    self.endMs = endMs
    self.lostReason = lostReason
    self.brokenReason = brokenReason
  }
}

/// Bytes that relays have passed on, frame heads included.
public final class RelayedBytes {
  // Proof of unchecked: each is read or added to at once, with nothing called meanwhile.
  @exclusivity(unchecked) public var toUpstream: UInt64 = 0
  @exclusivity(unchecked) public var toClient: UInt64 = 0

  public init() {}
}

/// Whose relays they are. Called on the loop.
public protocol WebSocketRelayOwner: AnyObject {
  /// The upstream did what no WebSocket peer may.
  func relay(_ relay: WebSocketRelay, upstreamBroke reason: String)
  /// Both connections have closed.
  func relayDidEnd(_ relay: WebSocketRelay)
}
