import Reactor

/// Latency of a sandbox's start, from the request to `running`, and of its end.
final class Create: Scenario {
  static let name = "create"
  static let summary = "latency of create → running, and of delete"
  static let options =
    ClientOptions.declared + [
      CommandOption("--concurrency", "C", "sandboxes at a time (default 1)"),
      CommandOption("--count", "N", "sandboxes in all (default 50)"),
    ]

  let client: ClientOptions
  private let concurrency: Int
  private let count: Int
  private var creation = Latency("create")
  private var deletion = Latency("delete")
  private var startNs: UInt64 = 0
  private var seconds = 0.0
  private var parallel: Parallel?

  init(_ arguments: Arguments) throws(UsageError) {
    client = try ClientOptions(arguments)
    concurrency = try arguments.integer("--concurrency", default: 1, in: 1...1024)
    count = try arguments.integer("--count", default: 50, in: 1...10_000_000)
  }

  func start(_ run: Run) {
    startNs = Clock.nowNs()
    let parallel = Parallel(total: count) { [self] _ in
      create(run)
    } onEnd: { [self] in
      seconds = Clock.secondsSince(startNs)
      run.finish()
    }
    self.parallel = parallel
    parallel.start(concurrency)
  }

  private func create(_ run: Run) {
    let beganNs = Clock.nowNs()
    run.sandboxes.create { [self] result in
      if run.isOver { return }
      switch result {
      case .failure(let failure): didFail(failure, run)
      case .success(let id):
        creation.record(ns: Clock.nowNs() - beganNs)
        delete(id, run)
      }
    }
  }

  private func delete(_ id: String, _ run: Run) {
    let beganNs = Clock.nowNs()
    run.sandboxes.delete(id) { [self] failure in
      if run.isOver { return }
      if let failure { return didFail(failure, run) }
      deletion.record(ns: Clock.nowNs() - beganNs)
      parallel?.didEnd()
    }
  }

  private func didFail(_ failure: APIFailure, _ run: Run) {
    run.fail(failure)
    if failure.isRateLimit { parallel?.stop() }
    parallel?.didEnd()
  }

  func interrupt() {
    parallel?.stop()
    seconds = Clock.secondsSince(startNs)
  }

  var progress: String {
    "create: \((parallel?.ended ?? 0).grouped) of \(count.grouped) sandboxes"
  }

  var report: Report {
    Report(
      scenario: Self.name,
      parameters: [
        ("url", .string(client.target.url)), ("concurrency", .integer(concurrency)),
        ("count", .integer(count)),
      ],
      seconds: seconds, latencies: [creation, deletion])
  }
}
