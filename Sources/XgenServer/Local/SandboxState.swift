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
  }

  /// Replaces the state file. Blocks.
  func save(in directory: DataDirectory, durable: Bool) throws(LocalError) {
    try HostFiles.replace(
      directory.state(record.id), encoded(), mode: 0o600, durable: durable)
  }

  /// Reads the state file of the sandbox in `directory/sandboxes/<id>`. Blocks.
  static func load(_ id: String, in directory: DataDirectory) throws(LocalError) -> SandboxState {
    let path = directory.state(id)
    let state = try SandboxState(
      decoding: HostFiles.read(path, limit: LocalLimits.maxStateBytes))
    if state.record.id != id {
      throw .malformed("\(path) belongs to another sandbox")
    }
    return state
  }
}
