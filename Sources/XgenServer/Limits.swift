/// Every bound of the control plane, by name. Streams' marks are in `StreamLimits`, connections'
/// in `HTTPServerLimits`, the wire's in `WireLimits`, waits for sidecars in `SidecarTimeouts`, a
/// local sandbox's in `LocalLimits`.
enum Limits {
  static let maxRequestIDBytes = 128

  // Create (spec/api.md).
  static let maxPorts = 64
  static let maxMetadataEntries = 20
  static let maxMetadataKeyBytes = 128
  static let maxMetadataValueBytes = 1024
  static let maxEnvEntries = 50
  static let maxEnvValueBytes = 32 * 1024
  /// How long create waits for `running`.
  static let createWaitMs: UInt64 = 250
  /// Warm sandboxes tried for one request, before it starts cold.
  static let maxWarmClaims = 4

  // List.
  static let maxPageCount = 1_000

  /// A list of more sandboxes is rendered by a worker.
  static let maxListRenderedOnLoop = 100

  // Exec.
  static let defaultExecSeconds = 30
  static let maxExecSeconds = 3600
  static let maxExecArguments = 4096
  /// Each of stdout and stderr.
  static let maxExecOutputBytes = 10 * 1024 * 1024
  static let maxExecsPerSandbox = 32
  /// Of a command that SIGKILL ended.
  static let killedExitCode: Int32 = 137
  /// Captured output of all execs together.
  static let maxCapturedBytes = 256 * 1024 * 1024
  /// An answer with more output is written on a worker.
  static let maxBytesRenderedOnLoop = 64 * 1024
  /// An event stream without events has a comment so often, so that nobody on the way takes it for
  /// dead.
  static let eventStreamIdleMs: UInt64 = 15_000
  /// What a sidecar may say between two commands on a connection that is kept.
  static let maxIdleExecLinkBytes = 64 * 1024
  /// After a timeout's kill, for the exit to be told.
  static let execKillWaitMs: UInt64 = 1_000

  // Files. A transfer holds what one side has not taken: `StreamLimits.highWaterBytes` and a read.
  static let maxFileTransfersPerSandbox = 16
  static let maxFileTransfers = 512
  /// A listing of `WireLimits.maxListedEntries` names of the greatest length.
  static let maxListingBytes = 10 * 1024 * 1024

  // WebSocket relay.
  /// The largest message of a client (wire-protocol: 64 MiB).
  static let maxMessageBytes = 64 * 1024 * 1024
  /// The largest of a sidecar: a file of 64 MiB behind an envelope's head of 9 bytes.
  static let maxSidecarMessageBytes = maxMessageBytes + 9
  /// Without a byte inside a frame that has begun.
  static let frameStallMs: UInt64 = 60_000
  /// How often it is looked for.
  static let stallSweepMs: UInt64 = 5_000
  static let maxRelaysPerSandbox = 256
  /// For a peer to take the last bytes and to close.
  static let relayEndMs: UInt64 = 2_000

  // Previews. A connection is a request under way, or one that has left HTTP.
  /// Fewer than `SidecarLimits.tunnelsAtOnce`, since idle ones to other ports hold tunnels, too.
  static let maxPreviewConnectionsPerSandbox = 192
  /// In all; each is a descriptor beside the client's. A connection whose peers read nothing holds
  /// `StreamLimits.highWaterBytes` and one read in each direction: 640 KiB.
  static let maxPreviewConnections = 2_048
  static let defaultPreviewLinkSeconds = 24 * 3600
  static let maxPreviewLinkSeconds = 7 * 24 * 3600
  /// Ports of one sandbox whose idle connections are kept.
  static let maxPreviewUpstreamsPerSandbox = 64

  // Lifecycle.
  /// How long the end of a sandbox is remembered.
  static let tombstoneMs: Int64 = 5 * 60 * 1000
  static let maxTombstones = 10_000
  static let sweepMs: UInt64 = 250
  /// Health probes in a row without an answer, before a running sandbox is an error.
  static let maxHealthMisses = 3

  /// What a key is told that has its most sandboxes.
  static let quotaRetrySeconds = 5

  // What outlives sandboxes.
  /// How long an Idempotency-Key stands for its sandbox.
  static let idempotencyMs: Int64 = 24 * 60 * 60 * 1000
  /// Idempotency-Keys of one API key's name, and of all: some 30 MB.
  static let maxIdempotencyKeysPerOwner = 1_000
  static let maxIdempotencyKeys = 100_000
  /// The ledger's file is written anew when so much, and as much again as it held, was added.
  static let minLedgerGrowthBytes = 1024 * 1024
  /// Above what the tables and their growth can hold.
  static let maxLedgerBytes = 256 * 1024 * 1024

  /// Clients whose request rate is remembered.
  static let maxRateBuckets = 10_000
}
