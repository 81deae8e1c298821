/// A step of a sandbox's life, as the catalog tells it.
struct SandboxChange: Sendable, Equatable {
  let id: String
  let owner: String
  /// What it is now; `starting` is its creation.
  let status: SandboxStatus
  let cause: SandboxCause
  /// Unix time in milliseconds.
  let atMs: Int64
}

/// Why a sandbox took a step, and at whose request.
struct SandboxCause: Sendable, Equatable {
  /// A word (`requested`, `ready`, `deleted`, `expired`, `shutdown`), or the text of what failed.
  let reason: String
  /// Nil where nobody asked for it.
  var origin: CallOrigin?

  static let ready = SandboxCause(reason: "ready")

  static func requested(_ origin: CallOrigin) -> SandboxCause {
    SandboxCause(reason: "requested", origin: origin)
  }

  static func ended(_ end: SandboxEnd, _ origin: CallOrigin? = nil) -> SandboxCause {
    SandboxCause(reason: end.rawValue, origin: origin)
  }
}

/// The call that something goes back to.
struct CallOrigin: Sendable, Equatable {
  /// The caller's API key, by name.
  let subject: String
  /// The X-Request-Id.
  let requestID: String
}
