/// Every bound of the Kubernetes client.
enum KubernetesLimits {
  // Answers. A pod has 5 to 20 kB, an object at most 1.5 MiB (etcd).
  static let maxAnswerBytes = 32 * 1024 * 1024
  static let maxHeadBytes = 64 * 1024
  /// Objects' own nesting is below 20, that of managedFields and CRDs deeper.
  static let json = JSONLimits(maxDepth: 64, maxElements: 2_000_000)
  /// One line of a watch.
  static let maxEventBytes = 4 * 1024 * 1024
  static let eventJSON = JSONLimits(maxDepth: 64, maxElements: 200_000)
  /// Of a message of the server's that goes into errors and logs.
  static let maxMessageBytes = 1024
  static let maxResourceVersionBytes = 256
  static let maxContinueBytes = 8 * 1024

  // Lists.
  static let pageItems = 500
  static let maxListItems = 50_000
  static let maxListBytes = 512 * 1024 * 1024
  static let maxListPages = 1_000
  /// Times that a list begins anew because its `continue` has expired.
  static let maxListRestarts = 3

  // Requests, at once and in time.
  /// Connections that are kept; the worker pool's threads bound those in use.
  static let maxIdleConnections = 16
  /// Below the 90 s after which the server closes an idle connection.
  static let maxIdleSeconds = 60
  static let connectTimeoutMs: UInt64 = 5_000
  static let requestTimeoutMs: UInt64 = 15_000
  /// A server or a network that vanished without a word is found after 15 + 3 × 5 s.
  static let keepAliveIdleSeconds = 15
  static let keepAliveIntervalSeconds = 5
  static let keepAliveProbes: Int32 = 3

  // Watches.
  /// The server ends a watch after a random time in this range.
  static let watchSeconds: ClosedRange<UInt64> = 240...300
  /// For the server to end it by itself.
  static let watchGraceMs: UInt64 = 15_000
  /// Events on their way to the loop; then the watch's thread waits.
  static let maxQueuedEvents = 1_024
  static let maxQueuedBytes = 16 * 1024 * 1024
  /// So long a watch must have lasted without an event to count as one that works.
  static let watchSettledMs: UInt64 = 5_000

  // Credentials and files.
  static let tokenRereadMs: UInt64 = 60_000
  static let maxTokenBytes = 64 * 1024
  static let maxKubeconfigBytes = 1024 * 1024
  static let maxCertificateBytes = 1024 * 1024
}
