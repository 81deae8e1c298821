import CLinux
import Glibc
import Reactor
import TestSupport
import Testing

/// The end of a process and all that it wrote.
struct ProcessResult: Equatable {
  var output: String
  var exitCode: Int32
}

extension SpawnOptions {
  /// `/bin/sh -c script`, with a plain PATH.
  static func shell(_ script: String) -> SpawnOptions {
    SpawnOptions(
      command: "/bin/sh", arguments: ["-c", script], environment: ["PATH=/usr/bin:/bin"])
  }

  /// Runs it with its output, errors too, in a pipe, until both have ended.
  func run(on loop: Loop) throws -> ProcessResult {
    let null = open("/dev/null", O_RDWR | O_CLOEXEC)
    defer { Glibc.close(null) }
    let pipe = makePipe()
    let output = StreamProbe(try SocketStream(loop: loop, descriptor: pipe.reader, kind: .pipe))
    var options = self
    options.descriptors = [null, pipe.writer, pipe.writer]
    var code: Int32?
    let child = Result { try ChildProcess(loop: loop, options) { code = $0 } }
    Glibc.close(pipe.writer)
    if case .success(let child) = child {
      loop.run(until: { code != nil && output.hasEnded })
      #expect(child.exitCode == code)
    }
    close(output, on: loop)
    _ = try child.get()
    return ProcessResult(output: output.text, exitCode: code ?? -1)
  }
}

/// Whether this process has children, running or not reaped yet.
func hasChildren() -> Bool {
  var info = siginfo_t()
  return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0
}

/// Orphaned descendants of this process become its children.
func becomeSubreaper() {
  typealias Prctl = @convention(c) (Int32, UInt, UInt, UInt, UInt) -> Int32
  // prctl is variadic, which Swift does not import; its arguments go the same way here.
  let prctl = unsafeBitCast(dlsym(nil, "prctl"), to: Prctl.self)
  let setChildSubreaper: Int32 = 36
  precondition(prctl(setChildSubreaper, 1, 0, 0, 0) == 0)
}
