import XgenProtocol

/// What a client asks about processes. Stdin, signals and resizes have no answer but an error.
extension Session {
  func handleExecStart(_ head: EnvelopeHead, _ start: ExecStart) throws(RequestFailure) {
    guard let channel = channels.claim(head.channel) else {
      throw RequestFailure(.channelInUse, "channel \(head.channel) has a process")
    }
    try checkProcessLimits()
    let launch = ExecLaunch(
      start, workspace: sidecar.workspace.path, environment: sidecar.environment)
    do throws(ExecLaunch.Failure) {
      let process = try ExecProcess(launch, session: self, channel: channel)
      sidecar.add(process)
      channels.add(process)
      reply(ExecAck(processID: process.id, channel: channel), to: head)
    } catch {
      switch error {
      case .system(let reason): throw RequestFailure(.execFailed, reason)
      case .command(let reason, let code):
        throw RequestFailure(.execFailed, "\(start.command): \(reason)", exitCode: code)
      }
    }
  }

  private func checkProcessLimits() throws(RequestFailure) {
    let limits = sidecar.limits
    if channels.count >= limits.processesPerSession {
      let text = "\(limits.processesPerSession) processes run on this connection"
      throw RequestFailure(.limitReached, text)
    }
    if sidecar.processes.count >= limits.processesPerSidecar {
      let text = "\(limits.processesPerSidecar) processes run in this sandbox"
      throw RequestFailure(.limitReached, text)
    }
  }

  func handleStdin(_ head: EnvelopeHead, _ input: ExecStdin) throws(RequestFailure) {
    try process(input.processID, head).writeInput(input.data)
    stdin.check()
  }

  func handleStdinClose(_ head: EnvelopeHead, _ end: ExecStdinClose) throws(RequestFailure) {
    try process(end.processID, head).endInput()
  }

  func handleSignal(_ head: EnvelopeHead, _ request: ExecSignal) throws(RequestFailure) {
    try process(request.processID, head).signal(request.signal.rawValue)
  }

  func handleResize(_ head: EnvelopeHead, _ size: ExecResize) throws(RequestFailure) {
    try process(size.processID, head).resize(columns: size.cols, rows: size.rows)
  }

  private func process(
    _ processID: UInt32, _ head: EnvelopeHead
  ) throws(RequestFailure) -> ExecProcess {
    if let process = channels.find(processID: processID, channel: head.channel) { return process }
    let text = processID == 0 ? "no process on channel \(head.channel)" : "no process \(processID)"
    throw RequestFailure(.unknownProcess, text)
  }

  /// ExecExit has been sent: the channel is free again.
  func didFinish(_ process: ExecProcess) {
    channels.remove(process)
    stdin.check()
  }
}
