/// What a sandbox reaches beside its own loopback.
enum SandboxNetwork: String, Sendable, CaseIterable {
  case none
  /// Public addresses; not the host, nor any private network.
  case internet

  /// Whether a sandbox may have it where `most` is the most that one may have.
  func isWithin(_ most: SandboxNetwork) -> Bool { self == .none || self == most }
}
