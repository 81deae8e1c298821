import XgenProtocol

/// Everything that is bounded, with its bound. Tests inject shorter times.
struct SidecarLimits: Sendable {
  // MARK: Processes
  var processesPerSession = 64
  var processesPerSidecar = 256
  /// One channel's output in one turn.
  static let turnBytes = 32 * 1024
  /// How long a process that has ended waits for a child of its own that holds its output.
  var outputGraceMs: UInt64 = 250
  /// Between SIGHUP and SIGKILL when a connection has gone.
  var hangupGraceMs: UInt64 = 5_000

  // MARK: Input. The sum per connection: stdinHighBytes and the message that passed it (at most
  // 1 MiB; clients send 32 KiB or less).
  /// Above it the session takes no messages from its client.
  var stdinHighBytes = 768 * 1024
  /// At or below it, it does again.
  var stdinLowBytes = 192 * 1024
  /// A process that takes no byte of its input for so long, while it blocks its client, loses it.
  var stdinStallMs: UInt64 = 60_000

  // MARK: Answers
  /// Answers to a client that reads none of them, before its requests wait.
  var repliesWhileCongestedBytes = 256 * 1024

  // MARK: Files. The sum: (2 + 1) × 64 MiB for contents that wait, 2 × 64 MiB under way.
  var fileTransfersAtOnce = 2
  var fileTransfersWaiting = 64
  /// Contents of all FsWrites that wait for their turn.
  var fileBytesWaiting = 128 * 1024 * 1024
  /// Requests of one session that wait for others: above it, the session takes no messages until
  /// they are under way.
  var heldBytesPerSession = 512 * 1024
  var maxFileBytes = WireLimits.maxFilePayloadBytes
  var listedEntries = WireLimits.maxListedEntries
  /// Files streamed over HTTP at once. Each holds a piece under way and one that waits, and what
  /// its connection has not sent (`StreamLimits.highWaterBytes` and a piece): under 1 MiB.
  var fileStreamsAtOnce = 16
  /// What is read or written at a time.
  static let filePieceBytes = 256 * 1024

  // MARK: Watches
  var watchesPerSession = 32
  var watchedDirectories = 8_192
  /// How long changes are gathered before they are sent.
  var watchTurnMs: UInt64 = 20
  /// Changes that wait for one turn or one slow client.
  var pendingChanges = 8_192

  // MARK: Tunnels. Each holds, in a direction whose peer does not read, what is above
  // `StreamLimits.highWaterBytes` by one read: 320 KiB; 80 MiB if no peer of any reads.
  /// At once, those included that still connect.
  var tunnelsAtOnce = 256
  /// For what listens to accept.
  var tunnelConnectMs: UInt64 = 5_000
  /// For a peer to take the last bytes, and to close.
  var tunnelLingerMs: UInt64 = 10_000
  /// Without a byte when one peer has ended its direction.
  var tunnelHalfOpenMs: UInt64 = 600_000
  /// A tunnel that was silent for so long makes room for a new one, when there is none.
  var tunnelQuietMs: UInt64 = 60_000

  // MARK: Strangers, where the sidecar listens on a network
  /// Connections that have not said yet who they are.
  var openingsAtOnce = 64
  /// For a connection to say so.
  var openingMs: UInt64 = 5_000
  /// Connections of those who hold no token: probes.
  static let strangersAtOnce = 16

  // MARK: Ports
  /// Between two looks while a client is connected and something has happened lately.
  var busyPortPollMs: UInt64 = 200
  /// Between two looks when nothing has happened for `portBusyMs`.
  var idlePortPollMs: UInt64 = 1_000
  var portBusyMs: UInt64 = 30_000
}
