/// How long the server waits for sidecars, in milliseconds. Tests inject shorter times.
struct SidecarTimeouts: Sendable {
  /// For the answer to a request, or a WebSocket's handshake.
  var answerMs: UInt64 = 10_000
  /// For a sandbox to start, before it is an error.
  var startMs: UInt64 = 30_000
  /// How long exec and ws wait for a sandbox that starts.
  var readyMs: UInt64 = 30_000
  /// Without a byte of a file taken or sent by the sidecar while we wait for it.
  var fileStallMs: UInt64 = 30_000
  /// For the removal of a folder with all that is in it.
  var removalMs: UInt64 = 120_000
  /// How long a connection that has run a command is kept for the next one.
  var execLinkIdleMs: UInt64 = 5_000
  /// Health of running sandboxes: one probe each so often, so long.
  var healthEveryMs: UInt64 = 10_000
  var healthMs: UInt64 = 10_000
}
