/// What is kept of a local sandbox on disk, so that a later server finds it again.
struct SandboxState: Sendable, Equatable {
  /// A file of another version is not understood: its sandbox is removed. Version 1 had no limits,
  /// and its sandboxes kept to none.
  static let version: Int64 = 2

  var record: SandboxRecord
  /// The host user that it runs as; nil where the server is no root and it runs as ours.
  let uid: UInt32?
  /// What it is held to, whatever the defaults of a later server are.
  let limits: SandboxLimits
  /// The boot in which it was started.
  let bootID: String
  /// Nil in the version that is written before the start.
  var processes: Processes?

  struct Processes: Sendable, Equatable {
    /// The sidecar: the first process of the sandbox, whose end ends it.
    let sidecar: HostProcess
    /// The outer bubblewrap, which ends by itself after the sidecar.
    let monitor: HostProcess
    /// pasta, where the sandbox has a network.
    var network: HostProcess?
  }
}
