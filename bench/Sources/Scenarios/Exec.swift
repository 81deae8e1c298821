import Reactor

/// Latency of REST exec: C requests at a time, each on a connection of its own, in one sandbox.
final class Exec: Scenario {
  static let name = "exec"
  static let summary = "REST exec latency of /bin/true or another command"
  static let restName: String? = "ARGS…"
  static let options =
    ClientOptions.declared + [
      CommandOption("--command", "PATH", "what to run; it must exit with 0 (default /bin/true)"),
      CommandOption("--concurrency", "C", "requests at a time (default 1; a server allows 32)"),
      CommandOption("--requests", "N", "requests in all (default 1000)"),
    ]

  let client: ClientOptions
  private let command: String
  private let commandArguments: [String]
  private let concurrency: Int
  private let requests: Int
  private var latency = Latency("exec")
  private var startNs: UInt64 = 0
  private var seconds = 0.0
  private var parallel: Parallel?

  init(_ arguments: Arguments) throws(UsageError) {
    client = try ClientOptions(arguments)
    command = try arguments.text("--command") ?? "/bin/true"
    commandArguments = arguments.rest
    concurrency = try arguments.integer("--concurrency", default: 1, in: 1...1024)
    requests = try arguments.integer("--requests", default: 1000, in: 1...100_000_000)
  }

  func start(_ run: Run) {
    run.sandboxes.create { [self] result in
      switch result {
      case .failure(let failure):
        run.fail(failure)
        run.finish()
      case .success(let id): if !run.isOver { load(run, sandbox: id) }
      }
    }
  }

  private func load(_ run: Run, sandbox id: String) {
    let path = "/api/v1/sandboxes/\(id)/exec"
    let body = JSON.object([
      ("command", .string(command)), ("args", .array(commandArguments.map { .string($0) })),
    ])
    startNs = Clock.nowNs()
    let parallel = Parallel(total: requests) { [self] _ in
      let beganNs = Clock.nowNs()
      run.api.call(.post, path, body: body, expecting: 200) { [self] result in
        judge(result, since: beganNs, run)
      }
    } onEnd: { [self] in
      seconds = Clock.secondsSince(startNs)
      run.finish()
    }
    self.parallel = parallel
    parallel.start(concurrency)
  }

  private func judge(_ result: Result<APIReply, APIFailure>, since beganNs: UInt64, _ run: Run) {
    if run.isOver { return }
    switch result {
    case .failure(let failure):
      run.fail(failure)
      if failure.isRateLimit { parallel?.stop() }
    case .success(let reply):
      if let code = reply.json?["exit_code"]?.wholeNumber, code == 0 {
        latency.record(ns: Clock.nowNs() - beganNs)
      } else {
        run.fail("exec: \(command) did not exit with 0: \(reply.json ?? .null)")
      }
    }
    parallel?.didEnd()
  }

  func interrupt() {
    parallel?.stop()
    if startNs > 0 { seconds = Clock.secondsSince(startNs) }
  }

  var progress: String {
    "exec: \((parallel?.ended ?? 0).grouped) of \(requests.grouped) requests"
  }

  var report: Report {
    Report(
      scenario: Self.name,
      parameters: [
        ("url", .string(client.target.url)), ("command", .string(command)),
        ("args", .array(commandArguments.map { .string($0) })),
        ("concurrency", .integer(concurrency)), ("requests", .integer(requests)),
      ],
      seconds: seconds, latencies: [latency])
  }
}
