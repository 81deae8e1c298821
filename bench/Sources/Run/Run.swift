import Glibc
import Reactor

/// One scenario's run: the loop, the client, the sandboxes it made, its errors, Ctrl-C.
///
/// ```
/// running ── finish() ──▶ cleaning up ── all sandboxes deleted ──▶ over
///    └────── Ctrl-C ───────────▲  └─ a second Ctrl-C: exit at once
/// ```
final class Run {
  private enum State { case running, cleaningUp, over }

  let loop: Loop
  let api: APIClient
  let sandboxes: SandboxSet
  private let scenario: any Scenario
  private let progress = Progress()
  private var signals: [SignalWatch] = []
  private var state = State.running
  private var errors = ErrorLog()
  private var wasInterrupted = false
  /// Reports were printed as they came.
  private var wasReported = false

  /// For deleting what is left, in all.
  private static let cleanUpMs: UInt64 = 40_000

  init(loop: Loop, _ scenario: any Scenario) throws(UVError) {
    self.loop = loop
    self.scenario = scenario
    let client = scenario.client
    api = APIClient(loop: loop, target: client.target, apiKey: client.apiKey)
    sandboxes = SandboxSet(api: api)
    for number in [SIGINT, SIGTERM, SIGHUP] {
      let watch = try SignalWatch(loop: loop, signal: number) { [unowned self] in interrupt() }
      signals.append(watch)
    }
  }

  /// No more work is to be begun.
  var isOver: Bool { state != .running }

  func fail(_ failure: APIFailure) {
    if isOver { return }  // cut off by the end, not by a fault
    let isFirst = errors.count == 0
    errors.add(failure)
    if isFirst { progress.note(failure.description) }
  }

  func fail(_ message: String) {
    if isOver { return }
    let isFirst = errors.count == 0
    errors.add(message)
    if isFirst { progress.note(message) }
  }

  // MARK: The way to the end

  func runToEnd() -> Int32 {
    progress.start(loop) { [unowned self] in
      isOver ? "deleting \(sandboxes.live.count.grouped) sandboxes" : scenario.progress
    }
    scenario.start(self)
    loop.run()
    if state == .running { errors.add("internal error: the scenario did not finish") }
    progress.stop()
    for watch in signals { watch.cancel() }
    if !wasReported { printReport() }
    if wasInterrupted { return ExitCode.interrupted }
    return errors.count == 0 ? ExitCode.success : ExitCode.failure
  }

  /// Prints what was measured last, with more to come.
  func printWindow() {
    wasReported = true
    printReport()
  }

  private func printReport() {
    let report = scenario.report
    if scenario.client.json {
      Console.print("\(report.json(errors, interrupted: wasInterrupted))\n")
    } else {
      Console.print(report.text(errors, interrupted: wasInterrupted))
    }
  }

  /// The scenario is done; deletes the sandboxes that are left.
  func finish() {
    if isOver { return }
    state = .cleaningUp
    let deadline = loop.after(ms: Self.cleanUpMs) { [unowned self] in didCleanUp() }
    sandboxes.deleteAll { [unowned self] failure in
      errors.add(failure)
    } onEmpty: { [unowned self] in
      deadline.cancel()
      didCleanUp()
    }
  }

  private func didCleanUp() {
    if state == .over { return }
    state = .over
    sandboxes.abandon()
    reportLeftovers()
    if wasInterrupted { loop.stop() }  // requests that were cut off may hang on
  }

  private func reportLeftovers() {
    if sandboxes.live.isEmpty { return }
    let ids = sandboxes.live.sorted().joined(separator: " ")
    errors.add("sandboxes not deleted: \(ids)")
    progress.note("sandboxes not deleted: \(ids)")
  }

  private func interrupt() {
    if wasInterrupted {
      reportLeftovers()
      exit(ExitCode.interrupted)
    }
    wasInterrupted = true
    progress.note("interrupted; deleting sandboxes (once more to leave at once)")
    if isOver { return }
    scenario.interrupt()
    finish()
  }
}
