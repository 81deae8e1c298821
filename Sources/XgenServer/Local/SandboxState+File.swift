extension SandboxState {
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
