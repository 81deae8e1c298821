import CLinux
import Glibc
import Reactor
import XgenProtocol

/// What it takes to start a command with pipes or with a terminal of its own.
struct ExecLaunch {
  /// Why a command was not started.
  enum Failure: Error, Equatable {
    /// The command itself can't be run: what a shell prints, and its exit code.
    case command(reason: String, exitCode: Int32)
    /// Anything else.
    case system(String)
  }

  /// Our ends of the command's streams. A terminal has one for input, one for all output.
  struct Ends: ~Copyable {
    var input: FileDescriptor?
    var output: FileDescriptor?
    var errors: FileDescriptor?
  }

  struct Started: ~Copyable {
    let child: ChildProcess
    var ends: Ends
  }

  var options: SpawnOptions
  let isTerminal: Bool
  let columns: UInt16
  let rows: UInt16

  init(_ start: ExecStart, workspace: String, environment: BaseEnvironment) {
    options = SpawnOptions(
      command: start.command, arguments: start.args,
      environment: environment.merged(with: start.env),
      workingDirectory: Self.directory(start.cwd, workspace))
    isTerminal = start.tty
    columns = start.cols ?? 80
    rows = start.rows ?? 24
  }

  /// The workspace by default; relative to it; or any place in the sandbox.
  static func directory(_ cwd: String?, _ workspace: String) -> String {
    guard let cwd, !cwd.isEmpty else { return workspace }
    return cwd.utf8.first == UInt8(ascii: "/") ? cwd : workspace + "/" + cwd
  }

  /// Starts it, blocking until the exec has happened.
  func start(
    loop: Loop, onExit: @escaping (Int32) -> Void
  ) throws(Failure) -> Started {
    var ends = Ends()
    var theirs = Ends()
    do throws(UVError) {
      if isTerminal { try openTerminal(&ends, &theirs) } else { try openPipes(&ends, &theirs) }
    } catch {
      throw .system("\(error)")
    }
    var options = options
    options.descriptors = Self.numbers(theirs)
    options.controllingTerminal = isTerminal
    let child: ChildProcess
    do throws(SpawnError) {
      child = try ChildProcess(loop: loop, options, onExit: onExit)
    } catch {
      throw explain(error)
    }
    return Started(child: child, ends: ends)
  }

  private static func numbers(_ theirs: borrowing Ends) -> [Int32] {
    let input = number(theirs.input)
    let output = number(theirs.output)
    // A terminal's one descriptor is all three.
    return [input, output < 0 ? input : output, output < 0 ? input : number(theirs.errors)]
  }

  private static func number(_ descriptor: borrowing FileDescriptor?) -> Int32 {
    switch descriptor {
    case .some(let open): open.number
    case .none: -1
    }
  }

  private func openPipes(_ ours: inout Ends, _ theirs: inout Ends) throws(UVError) {
    try Self.openPipe(from: &ours.input, to: &theirs.input)
    try Self.openPipe(from: &theirs.output, to: &ours.output)
    try Self.openPipe(from: &theirs.errors, to: &ours.errors)
    xgen_set_nonblocking(Self.number(ours.input), true)
  }

  private static func openPipe(
    from writeEnd: inout FileDescriptor?, to readEnd: inout FileDescriptor?
  ) throws(UVError) {
    var numbers: (Int32, Int32) = (-1, -1)
    let status = xgen_pipe(&numbers.0, &numbers.1)
    if status < 0 { throw UVError(status) }
    readEnd = try FileDescriptor(numbers.0)
    writeEnd = try FileDescriptor(numbers.1)
  }

  /// The primary end twice: a loop polls a descriptor once, and input and output are polled each.
  private func openTerminal(_ ours: inout Ends, _ theirs: inout Ends) throws(UVError) {
    var primary: Int32 = -1
    var secondary: Int32 = -1
    let status = xgen_open_pty(&primary, &secondary)
    if status < 0 { throw UVError(status) }
    theirs.input = try FileDescriptor(secondary)
    ours.output = try FileDescriptor(primary)
    xgen_set_window_size(primary, columns, rows)
    let again = fcntl(primary, F_DUPFD_CLOEXEC, 3)
    ours.input = try FileDescriptor(again < 0 ? -errno : again)
  }
}
