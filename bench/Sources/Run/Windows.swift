import Reactor

/// Measures a load: warms it up, counts for a while, takes it off again; once, or for each line on
/// stdin, so that another program can measure several servers in turns.
///
/// ```
/// preparing ─▶ waiting ─▶ warmingUp ─▶ measuring ─▶ settling ─▶ waiting, or closing ─▶ over
/// ```
final class Windows: LoadOwner {
  private enum Phase { case preparing, waiting, warmingUp, measuring, settling, closing, over }

  let shape: WindowShape
  let load: any Load
  private(set) var meter: ProcessMeter
  /// How long was measured.
  private(set) var seconds = 0.0
  private var phase = Phase.preparing
  private var run: Run?
  private var timer: Timer?
  private var demand: Demand?
  private var startNs: UInt64 = 0

  init(_ shape: WindowShape, _ meter: ProcessMeter, _ load: any Load) {
    self.shape = shape
    self.meter = meter
    self.load = load
  }

  func start(_ run: Run) {
    self.run = run
    load.owner = self
    load.prepare(run)
  }

  func loadIsReady() {
    phase = .waiting
    guard shape.isOnDemand, let run else { return warmUp() }
    do throws(UVError) {
      demand = try Demand(run.loop) { [unowned self] in isWanted($0) }
    } catch {
      run.fail("stdin: \(error)")
      return close()
    }
    Console.print("ready\n")
  }

  /// Another line has come, or the last.
  private func isWanted(_ isWanted: Bool) {
    guard phase == .waiting else { return }
    if isWanted { warmUp() } else { close() }
  }

  private func warmUp() {
    phase = .warmingUp
    load.begin()
    after(shape.warmUpSeconds) { [self] in measure() }
  }

  private func measure() {
    if phase != .warmingUp { return }
    phase = .measuring
    load.startCounting()
    meter.begin()
    startNs = Clock.nowNs()
    after(shape.seconds) { [self] in
      stopMeasuring()
      if phase != .measuring { return }
      phase = .settling
      load.pause()
    }
  }

  private func after(_ seconds: Double, _ body: @escaping () -> Void) {
    timer = run?.loop.after(ms: UInt64(seconds * 1000), body)
  }

  private func stopMeasuring() {
    guard phase == .measuring else { return }
    seconds = Clock.secondsSince(startNs)
    meter.end()
    load.stopCounting()
    if let failure = meter.failure { run?.fail(failure) }
  }

  func loadDidSettle() {
    guard phase == .settling else { return }
    phase = .waiting
    guard let demand else { return close() }
    run?.printWindow()
    demand.next()
  }

  private func close() {
    phase = .closing
    demand?.cancel()
    load.close()
  }

  func loadDidEnd() {
    if phase == .over { return }
    stopMeasuring()
    end()
    run?.finish()
  }

  func interrupt() {
    stopMeasuring()
    end()
    load.interrupt()
  }

  private func end() {
    phase = .over
    timer?.cancel()
    timer = nil
    demand?.cancel()
  }

  var progress: String {
    switch phase {
    case .preparing: return load.progress
    case .waiting: return "waiting for a line on stdin"
    case .warmingUp: return "warming up"
    case .measuring:
      let now = Clock.secondsSince(startNs)
      let time = "\(now.fixed(decimals: 0)) of \(shape.seconds.fixed(decimals: 0)) s"
      guard let latency = load.latencies.first else { return time }
      return "\(time), \(latency.count.grouped) done, \(latency.perSecond(now).grouped)/s"
    case .settling, .closing, .over: return "waiting for the last ones"
    }
  }

  // MARK: Reporting

  /// Of the window that was measured last.
  func report(
    _ scenario: String, _ parameters: [(String, JSON)], figures: [(String, JSON)]
  ) -> Report {
    Report(
      scenario: scenario, parameters: parameters + shape.parameters + [meter.parameter],
      seconds: seconds, latencies: load.latencies, figures: figures)
  }

  func costs(per unit: String, _ count: Int) -> [(String, JSON)] {
    meter.figures(per: unit, count, seconds: seconds)
  }

  /// A message goes through the server twice: it is two frames.
  func costs(ofRoundTrips count: Int) -> [(String, JSON)] {
    costs(per: "message", count) + costs(per: "frame", 2 * count).prefix(1)
  }
}
