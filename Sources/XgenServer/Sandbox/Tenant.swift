/// Whose sandbox it is to be, and how many that one may have.
struct Tenant: Sendable {
  /// The API key's name.
  let name: String
  /// Alive at once; nil where only the server's own limit counts.
  let maxSandboxes: Int?
}
