import Glibc
import Reactor
import XgenProtocol

/// Keeps a desktop running: starts it again when it ends, at growing intervals while it does not last.
final class Desktop {
  /// How long between an end and the next start, and what counts as a start that held.
  struct Pace: Sendable {
    var firstDelayMs: UInt64 = 500
    var maxDelayMs: UInt64 = 30_000
    var steadyMs: UInt64 = 60_000
    /// Ends in a row that are told of; the reason is the same each time.
    var maxToldInARow = 5
  }

  private unowned let loop: Loop
  private let options: SpawnOptions
  private let script: [UInt8]
  private let oomScore: OOMScore
  private let pace: Pace
  /// It can't be had here.
  private let onGivingUp: () -> Void
  private var child: ChildProcess?
  private var retry: Timer?
  private var startedMs: UInt64 = 0
  private var endsInARow = 0
  private var isOver = false

  /// `environment`: as `environment(_:password:)` gives it. What the desktop has to say goes to
  /// standard error. `script` is another's in tests.
  init(
    loop: Loop, environment: [String], directory: String? = nil, oomScore: OOMScore = OOMScore(),
    pace: Pace = Pace(), script: String = DesktopScript.text,
    onGivingUp: @escaping () -> Void = {}
  ) {
    self.loop = loop
    self.oomScore = oomScore
    self.pace = pace
    self.onGivingUp = onGivingUp
    options = SpawnOptions(
      command: "/bin/sh", arguments: ["-s", "desktop"], environment: environment,
      workingDirectory: directory)
    self.script = Array(script.utf8)
    start()
  }

  /// Of a sandbox, with the environment that its commands have.
  convenience init(in sidecar: Sidecar, password: String) {
    self.init(
      loop: sidecar.loop,
      environment: Self.environment(sidecar.environment, password: password),
      directory: sidecar.workspace.path, oomScore: sidecar.oomScore)
  }

  static func environment(_ base: BaseEnvironment, password: String) -> [String] {
    base.merged(with: [DesktopConventions.passwordVariable: password])
  }

  private func start() {
    retry = nil
    startedMs = loop.nowMs
    oomScore.raise()
    defer { oomScore.lower() }
    do {
      let input = try FileDescriptor.memory("desktop", script)
      var options = options
      options.descriptors = [input.number, STDERR_FILENO, STDERR_FILENO]
      child = try ChildProcess(loop: loop, options) { [weak self] in self?.ended($0) }
    } catch {
      tell("can't be started: \(error)")
      startLater()
    }
  }

  private func ended(_ code: Int32) {
    child = nil
    if isOver { return }
    if code == DesktopScript.missingProgram { return onGivingUp() }
    if loop.nowMs - startedMs >= pace.steadyMs { endsInARow = 0 }
    tell("ended with exit code \(code)")
    startLater()
  }

  private func startLater() {
    let delay = min(pace.maxDelayMs, pace.firstDelayMs << UInt64(min(endsInARow, 16)))
    endsInARow += 1
    retry = loop.after(ms: delay) { [weak self] in self?.start() }
  }

  private func tell(_ what: String) {
    if endsInARow < pace.maxToldInARow { StandardStream.error.write("the desktop \(what)\n") }
  }

  /// Ends it with all that it has started.
  func end() {
    isOver = true
    retry?.cancel()
    retry = nil
    child?.signalGroup(SIGKILL)
  }
}
