import CLinux
import Glibc
import Reactor
import XgenProtocol

/// One command on one channel, from its start to ExecExit.
///
/// It is over for its client when it has ended and its output has been read to the end; but where
/// a child of its own holds the output open, at most a grace time after the exit, and then only
/// what the command itself had written is still sent.
final class ExecProcess {
  let id: UInt32
  let channel: UInt32
  let pid: Int32
  let isTerminal: Bool
  private unowned let sidecar: Sidecar
  /// Nil once the connection is gone: output is read and dropped.
  private weak var session: Session?
  private let child: ChildProcess
  private var input: ProcessInput?
  private var outputs: [OutputPipe] = []
  private var exitCode: Int32?
  private var graceIsOver = false
  private var graceTimer: Timer?
  private var isFinished = false

  /// Starts the command; its output begins in a later turn of the loop.
  init(_ launch: ExecLaunch, session: Session, channel: UInt32) throws(ExecLaunch.Failure) {
    let sidecar = session.sidecar
    self.sidecar = sidecar
    self.session = session
    self.channel = channel
    id = sidecar.nextProcessID()
    isTerminal = launch.isTerminal
    let exit = ExitReport()
    sidecar.oomScore.raise()
    defer { sidecar.oomScore.lower() }
    var started = try launch.start(loop: sidecar.loop) { exit.deliver($0) }
    child = started.child
    pid = child.pid
    do {
      try adopt(&started.ends)
    } catch {
      child.signalGroup(SIGKILL)
      close()
      throw .system("streams: \(error)")
    }
    exit.receiver = { [unowned self] code in didExit(code) }
  }

  private func adopt(_ ends: inout ExecLaunch.Ends) throws(UVError) {
    let loop = sidecar.loop
    let input = try ProcessInput(loop: loop, ends.input.take()!, isTerminal: isTerminal)
    self.input = input
    input.onDrain = { [weak session] in session?.stdin.check() }
    try adopt(ends.output.take()!, .execStdout)
    if let errors = ends.errors.take() { try adopt(errors, .execStderr) }
  }

  private func adopt(
    _ descriptor: consuming FileDescriptor, _ type: MessageType
  ) throws(UVError) {
    outputs.append(
      try OutputPipe(loop: sidecar.loop, descriptor, type, isTerminal: isTerminal) {
        [unowned self] pipe in
        if let session { session.pump.ready(self, pipe) } else { takeTurn(pipe) }
      })
  }

  // MARK: Output

  /// Reads and sends once.
  func takeTurn(_ pipe: OutputPipe) {
    let room = sidecar.turnBuffer
    if case .took(let count) = pipe.read(into: room) {
      let bytes = UnsafeRawBufferPointer(rebasing: room[..<count])
      session?.transport?.send(EnvelopeHead(pipe.type, channel: channel), bytes)
    }
    finishIfOver()
  }

  // MARK: The end

  private func didExit(_ code: Int32) {
    exitCode = code
    for pipe in outputs where !pipe.isEnded { pipe.noteExit() }
    finishIfOver()
    if isFinished { return }
    graceTimer = sidecar.loop.after(ms: sidecar.limits.outputGraceMs) { [unowned self] in
      graceTimer = nil
      graceIsOver = true
      finishIfOver()
    }
  }

  private func finishIfOver() {
    guard let exitCode, !isFinished else { return }
    let isOver = outputs.allSatisfy { $0.isEnded || (graceIsOver && $0.isDrained) }
    if !isOver { return }
    isFinished = true
    close()
    session?.transport?.send(ExecExit(exitCode: exitCode), channel: channel)
    session?.didFinish(self)
    sidecar.remove(self)
  }

  private func close() {
    graceTimer?.cancel()
    graceTimer = nil
    input?.close()
    for pipe in outputs { pipe.close() }
  }

  /// The connection is gone.
  func detach() { session = nil }

  var isAttached: Bool { session != nil }

  var isRunning: Bool { exitCode == nil }

  // MARK: Input and signals

  var pendingInputBytes: Int { input?.pendingByteCount ?? 0 }

  func writeInput(_ bytes: UnsafeRawBufferPointer) { input?.write(bytes) }

  func endInput() { input?.end() }

  func closeInput() { input?.close() }

  func resize(columns: UInt16, rows: UInt16) { outputs.first?.resize(columns: columns, rows: rows) }

  /// To the whole group; what a keyboard would send, to the group in the terminal's foreground;
  /// SIGKILL, to everything in the Unix session, jobs of an interactive shell among it.
  func signal(_ number: Int32) {
    switch number {
    case SIGINT, SIGQUIT, SIGTSTP:
      if let group = outputs.first?.foregroundGroup {
        Glibc.kill(-group, number)
      } else {
        child.signalGroup(number)
      }
    case SIGKILL:
      child.signalGroup(SIGKILL)
      sidecar.ender.kill([pid])
    default: child.signalGroup(number)
    }
  }
}

/// Carries the exit to an object that is not there yet when the process starts.
private final class ExitReport {
  var receiver: ((Int32) -> Void)?
  func deliver(_ code: Int32) { receiver?(code) }
}
