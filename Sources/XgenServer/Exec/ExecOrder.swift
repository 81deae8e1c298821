internal import XgenProtocol

/// The body of an exec request, checked.
struct ExecOrder: Sendable {
  let start: ExecStart
  let stdin: [UInt8]
  let timeoutSeconds: Int
  let isBase64: Bool

  init(_ fields: JSONFields) throws(FieldError) {
    let command = try fields.requiredString("command")
    if command.isEmpty { throw fields.error("command", "must not be empty") }
    let arguments = try fields.strings("args") ?? []
    if arguments.count > Limits.maxExecArguments {
      throw fields.error("args", "must have at most \(Limits.maxExecArguments) entries")
    }
    let cwd = try fields.string("cwd")
    for (name, texts) in [("command", [command]), ("args", arguments), ("cwd", [cwd ?? ""])]
    where texts.contains(where: { $0.utf8.contains(0) }) {
      throw fields.error(name, "must not contain NUL")
    }
    start = ExecStart(
      command: command, args: arguments, env: try Self.env(fields),
      cwd: cwd.flatMap { $0.isEmpty ? nil : $0 }, tty: false)
    stdin = Array((try fields.string("stdin") ?? "").utf8)
    timeoutSeconds = try fields.int("timeout_seconds") ?? Limits.defaultExecSeconds
    if !(1...Limits.maxExecSeconds).contains(timeoutSeconds) {
      throw fields.error("timeout_seconds", "must be from 1 to \(Limits.maxExecSeconds)")
    }
    switch try fields.string("encoding") {
    case nil, "utf-8", "utf8": isBase64 = false
    case "base64": isBase64 = true
    default: throw fields.error("encoding", "must be \"utf-8\" or \"base64\"")
    }
  }

  private static func env(_ fields: JSONFields) throws(FieldError) -> [String: String] {
    var env: [String: String] = [:]
    for member in try fields.stringMembers("env") ?? [] {
      if !SandboxOrder.isEnvName(member.name) || member.value.utf8.contains(0) {
        throw fields.error(
          "env.\(member.name.prefix(64))",
          "the name must match ^[A-Za-z_][A-Za-z0-9_]*$, the value must be without NUL")
      }
      env[member.name] = member.value
    }
    if env.count > 1024 { throw fields.error("env", "must have at most 1024 entries") }
    return env
  }

  /// Output as the client asked for it; invalid UTF-8 is replaced.
  func text(_ bytes: [UInt8]) -> String {
    isBase64 ? Base64.encode(bytes) : String(decoding: bytes, as: UTF8.self)
  }
}
