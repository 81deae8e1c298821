/// Every bound of the Kubernetes backend; the client's are in `KubernetesLimits`.
enum KubernetesBackendLimits {
  // A pod.
  /// SIGTERM to SIGKILL. The sidecar's own SIGHUP to SIGKILL is shorter.
  static let graceSeconds = 8
  /// A pod that is not gone after so long is removed by force.
  static let forceAfterMs: UInt64 = 30_000
  /// And so long after that its deletion is left to the collector.
  static let goneAfterForceMs: UInt64 = 5_000
  /// What stays when all servers are gone for good: keepalives move an expiry without end, and a
  /// pod's deadline can't be moved, so it is far beyond what any of them reaches.
  static let backstopSeconds = 30 * 24 * 3600
  static let maxReasonBytes = 512
  /// Of the sidecar with its libraries.
  static let bundleBytes: Int64 = 128 << 20

  static let maxOpenFiles = 4_096

  // Requests.
  static let requestsAtOnce = 16
  static let maxQueuedRequests = 2_048
  /// A create that waits longer is a 503.
  static let createTimeoutMs: UInt64 = 10_000
  /// Attempts of an update that others get in the way of.
  static let maxConflicts = 8
  /// For the first look at what there is, at the start.
  static let firstListMs: UInt64 = 30_000

  // What is remembered.
  /// Pods that are gone, so that an answer that comes late does not bring one back.
  static let maxGonePods = 1_024

  // The lease.
  static let leaseSeconds = 15
  /// Without a renewal for so long the holder stops acting, before another can begin.
  static let leaseRenewDeadlineMs: UInt64 = 10_000
  static let leaseRetryMs: UInt64 = 3_000
  /// Of one attempt to read or write it.
  static let leaseTimeoutMs: UInt64 = 3_000

  // The collector.
  static let collectMs: UInt64 = 10_000
  /// Before what looks left behind is: its maker may be at it.
  static let orphanAgeMs: Int64 = 60_000
}

/// Bounds of the warm pool.
enum PoolLimits {
  /// Of one template.
  static let sizes = 0...500
  /// Pods that are started and not ready, of all templates.
  static let maxStarting = 8
  /// How often the pool is looked at, besides after each change.
  static let lookMs: UInt64 = 1_000
  /// After a failure, doubled up to the greatest.
  static let backoffMs: ClosedRange<UInt64> = 1_000...60_000
  /// For a warm sidecar to take the environment of whose it becomes.
  static let handOverMs: UInt64 = 5_000
  /// A pod that waits longer makes room for a new one: its image may have changed.
  static let maxAgeMs: Int64 = 24 * 3600 * 1000
}
