/// What is known of a sandbox from its creation on, and what a restart needs to know again.
struct SandboxRecord: Sendable, Equatable {
  let id: String
  /// Name of the API key that made it.
  let owner: String
  let template: String
  /// The sandbox's own environment; may hold secrets.
  let env: [String: String]
  let ports: [UInt16]
  let gui: Bool
  let metadata: [String: String]
  let resources: Resources
  /// Unix time in milliseconds.
  let createdAtMs: Int64
  var expiresAtMs: Int64
  /// The client's Idempotency-Key and a hash of the body it came with, if any.
  let idempotency: Idempotency?

  /// The same of another sandbox.
  func with(id: String) -> SandboxRecord {
    SandboxRecord(
      id: id, owner: owner, template: template, env: env, ports: ports, gui: gui,
      metadata: metadata, resources: resources, createdAtMs: createdAtMs,
      expiresAtMs: expiresAtMs, idempotency: idempotency)
  }

  struct Idempotency: Sendable, Equatable {
    let key: String
    /// SHA-256 of the request's body, lower-case hex.
    let bodyHash: String
  }

  /// Limits as asked for; nil where the client asked for none.
  struct Resources: Sendable, Equatable {
    /// Thousandths of a core.
    var cpuMilli: Int64?
    /// Bytes.
    var memoryBytes: Int64?
    /// Bytes.
    var diskBytes: Int64?
  }
}

/// States as in the API reference; they only move forward.
enum SandboxStatus: String, Sendable {
  case starting, running, stopping, stopped, error
}
