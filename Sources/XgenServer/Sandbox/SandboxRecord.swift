/// What is known of a sandbox from its creation on, and what a restart needs to know again.
struct SandboxRecord: Sendable, Equatable {
  private(set) var id: String
  /// Name of the API key that made it.
  let owner: String
  let template: String
  /// The sandbox's own environment; may hold secrets.
  private(set) var env: [String: String]
  let ports: [UInt16]
  let gui: Bool
  let metadata: [String: String]
  let resources: Resources
  var previews = Previews()
  /// Unix time in milliseconds.
  let createdAtMs: Int64
  var expiresAtMs: Int64
  /// The client's Idempotency-Key and a hash of the body it came with, if any.
  let idempotency: Idempotency?
  /// Nil where the backend does not choose it.
  var network: SandboxNetwork?

  /// How its previews are served.
  struct Previews: Sendable, Equatable {
    var access = PreviewAccess.public
    var host = PreviewHostField.original
    /// Moves on when the links that were made so far are revoked.
    var linkEpoch = 0
  }

  /// The same of another sandbox.
  func with(id: String) -> SandboxRecord {
    var other = self
    other.id = id
    return other
  }

  /// As it is told where secrets must not be.
  var withoutEnvironment: SandboxRecord {
    var told = self
    told.env = [:]
    return told
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

/// Who may see a sandbox's previews.
enum PreviewAccess: String, CaseIterable, Sendable {
  /// Whoever knows the name.
  case `public`
  /// Whoever may see the sandbox, or has a link.
  case `private`
}

/// Which Host servers inside are sent.
enum PreviewHostField: String, CaseIterable, Sendable {
  /// The one that the client asked for.
  case original
  /// `localhost:{port}`, for servers that serve no other.
  case localhost
}
