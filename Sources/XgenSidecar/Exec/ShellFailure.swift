import Glibc
import Reactor

/// What a shell would say of a command that can't be run.
extension ExecLaunch {
  /// Exit code 127 where there is no such command, 126 where there is one that can't be executed.
  func explain(_ error: SpawnError) -> Failure {
    if error.step == .workingDirectory {
      return .command(reason: "working directory: \(Self.text(error.cause))", exitCode: 126)
    }
    guard error.step == .exec else { return .system("\(error)") }
    if !error.cause.isNotFound {
      return .command(reason: Self.text(error.cause), exitCode: 126)
    }
    // The kernel answers ENOENT, too, for a script whose interpreter is missing.
    if commandExists { return .command(reason: "bad interpreter", exitCode: 126) }
    return .command(reason: Self.text(error.cause), exitCode: 127)
  }

  private static func text(_ error: UVError) -> String {
    switch error.code {
    case -ENOENT, -ENOTDIR: "no such file or directory"
    case -EACCES: "permission denied"
    case -ENOEXEC: "exec format error"
    case -E2BIG: "argument list too long"
    default: error.description
    }
  }

  private var commandExists: Bool {
    if options.command.utf8.contains(UInt8(ascii: "/")) { return Self.isFile(absolute) }
    let path = options.environment.last { $0.hasPrefix("PATH=") }?.dropFirst(5) ?? ""
    return path.split(separator: ":").contains { Self.isFile($0 + "/" + options.command) }
  }

  /// A command with a slash is relative to the working directory.
  private var absolute: String {
    if options.command.utf8.first == UInt8(ascii: "/") { return options.command }
    return (options.workingDirectory ?? ".") + "/" + options.command
  }

  private static func isFile(_ path: some StringProtocol) -> Bool {
    var status = stat()
    return stat(String(path), &status) == 0 && status.st_mode & S_IFMT == S_IFREG
  }
}
