import Glibc

/// The program: picks a command by its name and runs it. A new scenario is one file in
/// Scenarios/ plus its line in `commands`.
enum XgenBench {
  static let version = "0.1.0"

  static var commands: [any Command.Type] {
    [
      Relay.self, Download.self, Upload.self, SlowReader.self, Idle.self, Churn.self, Rest.self,
      HTTPGet.self, WSEcho.self, Exec.self, Create.self, SidecarEcho.self, WSEchoServer.self,
    ]
  }

  static func run() -> Never {
    exit(main(Array(CommandLine.arguments.dropFirst())))
  }

  private static func main(_ words: [String]) -> Int32 {
    guard let name = words.first else {
      Console.error(help)
      return ExitCode.usage
    }
    switch name {
    case "--help", "-h", "help":
      Console.print(help)
      return ExitCode.success
    case "--version":
      Console.print("xgen-bench \(version)\n")
      return ExitCode.success
    default: break
    }
    guard let command = commands.first(where: { $0.name == name }) else {
      let kind = name.hasPrefix("-") ? "option" : "command"
      Console.error("xgen-bench: unknown \(kind) \"\(name)\" (see xgen-bench --help)\n")
      return ExitCode.usage
    }
    return run(command, Array(words.dropFirst()))
  }

  private static func run(_ command: any Command.Type, _ words: [String]) -> Int32 {
    do throws(UsageError) {
      let arguments = try Arguments(words, of: command)
      if arguments.asksHelp {
        Console.print(command.help)
        return ExitCode.success
      }
      if arguments.asksVersion {
        Console.print("xgen-bench \(version)\n")
        return ExitCode.success
      }
      return try command.init(arguments).run()
    } catch {
      Console.error("xgen-bench \(command.name): \(error.message)\n")
      return ExitCode.usage
    }
  }

  private static var help: String {
    var text = """
      Drives a running xgen-server and measures it.

      Usage: xgen-bench COMMAND [OPTIONS]

      Commands:

      """
    for command in commands {
      text += "  \(command.name.padded(to: 16))\(command.summary)\n"
    }
    return text + """

      Options:
        --help          this text; after a command, the command's options
        --version       the version

      Start the server with --rate-limit-per-minute 0: its default of 120 requests a minute
      is less than any load.
      Exit status: 0 all was verified, 1 something failed, 2 wrong usage, 130 interrupted.

      """
  }
}
