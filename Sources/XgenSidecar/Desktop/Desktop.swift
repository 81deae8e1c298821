import CLinux
import Glibc
import Reactor
import XgenProtocol

/// Keeps a desktop running: starts it again when it ends, at growing intervals while it does not last.
final class Desktop {
  private static let maxReasonBytes = 512

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
  private let tellReason: (String) -> Void
  /// The read end of what the desktop writes.
  private var lastWords: FileDescriptor?
  private var child: ChildProcess?
  private var retry: Timer?
  private var startedMs: UInt64 = 0
  private var endsInARow = 0
  private var isOver = false

  /// `environment`: as `environment(_:password:)` gives it. Why a desktop ended goes to `tell`.
  /// `script` is another's in tests.
  init(
    loop: Loop, environment: [String], directory: String? = nil, oomScore: OOMScore = OOMScore(),
    pace: Pace = Pace(), script: String = DesktopScript.text,
    tell: @escaping (String) -> Void = { StandardStream.error.write("the desktop: \($0)\n") },
    onGivingUp: @escaping () -> Void = {}
  ) {
    self.loop = loop
    self.oomScore = oomScore
    self.pace = pace
    tellReason = tell
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
      var ends: (read: Int32, write: Int32) = (-1, -1)
      let status = xgen_pipe(&ends.read, &ends.write)
      if status < 0 { throw UVError(status) }
      lastWords = try FileDescriptor(ends.read)
      let words = try FileDescriptor(ends.write)
      xgen_set_nonblocking(words.number, true)
      var options = options
      options.descriptors = [input.number, words.number, words.number]
      child = try ChildProcess(loop: loop, options) { [weak self] in self?.ended($0) }
    } catch {
      tell("it can't be started: \(error)")
      startLater()
    }
  }

  private func ended(_ code: Int32) {
    // Where something else than its script has ended it, what it started lives on.
    child?.signalGroup(SIGKILL)
    child = nil
    let reason = takeLastWords()
    if isOver { return }
    if loop.nowMs - startedMs >= pace.steadyMs { endsInARow = 0 }
    tell(reason.isEmpty ? "it ended with exit code \(code)" : reason)
    if code == DesktopScript.missingProgram { return onGivingUp() }
    startLater()
  }

  /// The line that a desktop has left behind. Nobody reads while it runs: code of the sandbox may
  /// write to its pipe as well, which holds 64 KiB; whoever finds it full does not wait.
  private func takeLastWords() -> String {
    guard let file = lastWords.take() else { return "" }
    xgen_set_nonblocking(file.number, true)
    let bytes = [UInt8](unsafeUninitializedCapacity: Self.maxReasonBytes) { room, count in
      count = max(0, read(file.number, room.baseAddress, room.count))
    }
    let line = bytes.prefix { $0 != UInt8(ascii: "\n") }.map { 0x20...0x7E ~= $0 ? $0 : 0x3F }
    return String(decoding: line, as: UTF8.self)
  }

  private func startLater() {
    let delay = min(pace.maxDelayMs, pace.firstDelayMs << UInt64(min(endsInARow, 16)))
    endsInARow += 1
    retry = loop.after(ms: delay) { [weak self] in self?.start() }
  }

  private func tell(_ what: String) {
    if endsInARow < pace.maxToldInARow { tellReason(what) }
  }

  /// Ends it with all that it has started.
  func end() {
    isOver = true
    retry?.cancel()
    retry = nil
    child?.signalGroup(SIGKILL)
  }
}
