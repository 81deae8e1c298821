internal import CLinux
internal import Glibc

/// What to start, and how.
public struct SpawnOptions: Sendable {
  /// A path, or a name that is searched in PATH of `environment`.
  public var command: String
  /// Without the command itself.
  public var arguments: [String]
  /// `NAME=value` each; nothing is inherited.
  public var environment: [String]
  public var workingDirectory: String?
  /// Descriptors that become 0, 1, 2, … of the child; everything else is closed in it.
  public var descriptors: [Int32]
  /// A session and process group of its own, whose id is the child's pid.
  public var newSession = true
  /// Descriptor 0 is a terminal and becomes the session's controlling one.
  public var controllingTerminal = false
  /// Host user and group to become before the exec; supplementary groups are dropped.
  public var user: (uid: UInt32, gid: UInt32)?
  /// Open `cgroup.procs` (v1: `tasks`) files of cgroups that the child joins before all else.
  public var cgroups: [Int32] = []
  /// Open files of namespaces that the child enters, in this order, as its new user.
  public var namespaces: [Int32] = []
  /// Bits of the capabilities (capabilities(7)) that it keeps over the exec, in the user namespace
  /// that it has entered.
  public var capabilities: UInt64 = 0

  public init(
    command: String, arguments: [String] = [], environment: [String] = [],
    workingDirectory: String? = nil, descriptors: [Int32] = []
  ) {
    self.command = command
    self.arguments = arguments
    self.environment = environment
    self.workingDirectory = workingDirectory
    self.descriptors = descriptors
  }
}

/// Why a process could not be started.
public struct SpawnError: Error, Sendable, CustomStringConvertible {
  public enum Step: UInt32, Sendable {
    case fork, descriptors, session, user, workingDirectory, exec, cgroup, namespace
  }
  public let step: Step
  public let cause: UVError

  public init(step: Step, cause: UVError) {
    self.step = step
    self.cause = cause
  }

  /// What a shell would answer: 127 for a command that is not there, else 126.
  public var shellExitCode: Int32 { step == .exec && cause.isNotFound ? 127 : 126 }

  public var description: String {
    switch step {
    case .exec: "\(cause)"
    case .workingDirectory: "working directory: \(cause)"
    default: "\(step): \(cause)"
    }
  }
}

extension SpawnOptions {
  /// Starts the process and returns its pid. It blocks until the exec has happened (a fraction of
  /// a millisecond for a program in the page cache); callable from any thread.
  public func spawn() throws(SpawnError) -> Int32 {
    var step = XGEN_SPAWN_FORK
    let pid = withCStrings([command] + arguments) { argv in
      withCStrings(environment) { envp in
        descriptors.withUnsafeBufferPointer { fds in
          cgroups.withUnsafeBufferPointer { cgroups in
            namespaces.withUnsafeBufferPointer { namespaces in
              withOptionalCString(workingDirectory) { cwd in
                var options = xgen_spawn(
                  path: argv[0]!, argv: argv, envp: envp, cwd: cwd,
                  fds: fds.baseAddress ?? noDescriptors,
                  fd_count: Int32(fds.count), new_session: newSession,
                  controlling_terminal: controllingTerminal, change_user: user != nil,
                  uid: user?.uid ?? 0, gid: user?.gid ?? 0, cgroups: cgroups.baseAddress,
                  cgroup_count: Int32(cgroups.count), namespaces: namespaces.baseAddress,
                  namespace_count: Int32(namespaces.count), capabilities: capabilities)
                return xgen_spawn(&options, &step)
              }
            }
          }
        }
      }
    }
    if pid < 0 {
      throw SpawnError(step: .init(rawValue: UInt32(step.rawValue)) ?? .fork, cause: UVError(pid))
    }
    return pid
  }
}

// Proof: never written; it stands for an empty array, which has no address.
nonisolated(unsafe) private let noDescriptors = UnsafePointer(
  UnsafeMutablePointer<Int32>.allocate(capacity: 1))

private func withOptionalCString<R>(_ text: String?, _ body: (UnsafePointer<CChar>?) -> R) -> R {
  guard let text else { return body(nil) }
  return text.withCString { body($0) }
}

private func withCStrings<R>(
  _ strings: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> R
) -> R {
  let pointers = strings.map { strdup($0) } + [nil]
  defer { for pointer in pointers { free(pointer) } }
  return pointers.withUnsafeBufferPointer { body($0.baseAddress!) }
}

/// A child of this process, watched through a pidfd until it is reaped.
public final class ChildProcess {
  public let pid: Int32
  private unowned let loop: Loop
  private let pidfd: Int32
  private var poll: Poll?
  private var onExit: ((_ exitCode: Int32) -> Void)?
  public private(set) var exitCode: Int32?

  /// Starts a process. `onExit` runs once, with 128+n for a death by signal n.
  public init(
    loop: Loop, _ options: SpawnOptions, onExit: @escaping (_ exitCode: Int32) -> Void
  ) throws(SpawnError) {
    self.loop = loop
    self.onExit = onExit
    pid = try options.spawn()
    pidfd = xgen_pidfd_open(pid)
    guard pidfd >= 0 else {
      Self.abandon(pid)
      throw SpawnError(step: .fork, cause: UVError(pidfd))
    }
    do {
      let poll = try Poll(loop: loop, descriptor: pidfd) { [self] _, _ in reap() }
      poll.watch(.readable)
      self.poll = poll
    } catch {
      Self.abandon(pid)
      Glibc.close(pidfd)
      throw SpawnError(step: .fork, cause: error)
    }
    loop.children[pid] = self
  }

  /// Ends a process that can't be watched, just started, and waits for that: no zombie stays.
  private static func abandon(_ pid: Int32) {
    Glibc.kill(pid, SIGKILL)
    while waitpid(pid, nil, 0) < 0 && errno == EINTR {}
  }

  /// Collects the exit code if the process has ended. Called by the pidfd or by the orphan reaper,
  /// whichever comes first.
  func reap() {
    if exitCode != nil { return }
    var code: Int32 = 0
    if xgen_reap(pid, &code) == 0 { return }
    exitCode = code
    loop.children[pid] = nil
    let descriptor = pidfd
    poll?.cancel { Glibc.close(descriptor) }
    poll = nil
    let onExit = self.onExit
    self.onExit = nil
    onExit?(code)
  }

  /// Signals the process's whole group, its leader reaped or not.
  public func signalGroup(_ number: Int32) { Glibc.kill(-pid, number) }

  /// Signals the process alone, if it still runs.
  public func signal(_ number: Int32) {
    if exitCode == nil { _ = xgen_pidfd_send_signal(pidfd, number) }
  }
}

/// For a process with pid 1 (or a subreaper): reaps children that it never started.
public final class OrphanReaper {
  private var watch: SignalWatch?

  public init(loop: Loop) throws(UVError) {
    watch = try SignalWatch(loop: loop, signal: SIGCHLD) { [unowned loop] in Self.sweep(loop) }
    Self.sweep(loop)
  }

  private static func sweep(_ loop: Loop) {
    while true {
      let pid = xgen_next_ended_child()
      if pid <= 0 { return }
      if let child = loop.children[pid] {
        child.reap()
      } else {
        var code: Int32 = 0
        _ = xgen_reap(pid, &code)
      }
    }
  }

  public func close() {
    watch?.cancel()
    watch = nil
  }
}
