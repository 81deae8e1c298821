/// One word after `xgen-bench`: a scenario, or a helper such as the echo server.
protocol Command {
  static var name: String { get }
  static var summary: String { get }
  static var options: [CommandOption] { get }
  /// What may follow `--`, such as `ARGS…`; nil where nothing may.
  static var restName: String? { get }

  init(_ arguments: Arguments) throws(UsageError)

  /// Returns the exit status.
  func run() -> Int32
}

/// An option as a command declares it.
struct CommandOption {
  /// With its dashes: `--connections`.
  let name: String
  /// The value's name in the help, such as `N`; nil for a switch.
  let value: String?
  let help: String

  init(_ name: String, _ value: String?, _ help: String) {
    self.name = name
    self.value = value
    self.help = help
  }
}

enum ExitCode {
  static let success: Int32 = 0
  static let failure: Int32 = 1
  static let usage: Int32 = 2
  /// 128 + SIGINT.
  static let interrupted: Int32 = 130
}

/// What is wrong with the command line; the message names the option.
struct UsageError: Error {
  let message: String

  init(_ message: String) { self.message = message }
}

extension Command {
  static var restName: String? { nil }

  static var help: String {
    let rest = restName.map { " [-- \($0)]" } ?? ""
    var text = "\(summary)\n\nUsage: xgen-bench \(name) [OPTIONS]\(rest)\n\nOptions:\n"
    let all =
      options + [
        CommandOption("--help", nil, "this text"), CommandOption("--version", nil, "the version"),
      ]
    for option in all {
      let left = option.name + (option.value.map { " \($0)" } ?? "")
      text += "  \(left.padded(to: 22))\(option.help)\n"
    }
    return text
  }
}
