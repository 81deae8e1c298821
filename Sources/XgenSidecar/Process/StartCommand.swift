import Glibc
import Reactor

/// The command that a sandbox runs from its start, as its template says. It belongs to no connection
/// and lives as long as it likes; its output is the sidecar's own, which a cluster keeps as the pod's
/// log. A sandbox whose command can't be started, or ends, goes on without it.
final class StartCommand {
  private let child: ChildProcess

  /// Nil where there is no command, or none that starts: why is said on standard error.
  init?(_ command: [String], in sidecar: Sidecar) {
    guard let program = command.first else { return nil }
    var options = SpawnOptions(
      command: program, arguments: Array(command.dropFirst()),
      environment: sidecar.environment.merged(with: [:]),
      workingDirectory: sidecar.workspace.path)
    let empty = open("/dev/null", O_RDONLY | O_CLOEXEC)
    defer { if empty >= 0 { close(empty) } }
    options.descriptors = [empty, STDOUT_FILENO, STDERR_FILENO]
    sidecar.oomScore.raise()
    defer { sidecar.oomScore.lower() }
    do throws(SpawnError) {
      child = try ChildProcess(loop: sidecar.loop, options) { code in
        StandardStream.error.write("\(program) ended with exit code \(code)\n")
      }
    } catch {
      StandardStream.error.write("\(program) can't be started: \(error)\n")
      return nil
    }
  }

  /// Ends it and what it has started, as far as that is still its group.
  func end() { child.signalGroup(SIGKILL) }
}
