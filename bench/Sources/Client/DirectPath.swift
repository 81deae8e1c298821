/// Where WebSockets go when there is no API: through any proxy that forwards to `sidecar-echo`.
struct DirectPath {
  static let option = CommandOption(
    "--direct", "PATH", "no API: WebSockets to PATH, such as /ws, of any proxy")

  let path: String?

  init(_ arguments: Arguments) throws(UsageError) { path = try arguments.path("--direct") }

  /// For the report's parameters.
  var parameter: (String, JSON) { ("direct", path.map { .string($0) } ?? .null) }
}
