/// For how long a load is measured, and how often.
struct WindowShape {
  let seconds: Double
  let warmUpSeconds: Double
  let isOnDemand: Bool

  static let options = [
    CommandOption("--seconds", "T", "how long to measure (default 5)"),
    CommandOption("--warm-up", "T", "seconds of load before that (default 0.5)"),
    CommandOption("--on-demand", nil, "say \"ready\", then measure once for each line on stdin"),
  ]

  init(_ arguments: Arguments) throws(UsageError) {
    seconds = try arguments.seconds("--seconds", default: 5, in: 0.1...3_000)
    warmUpSeconds = try arguments.seconds("--warm-up", default: 0.5, in: 0...300)
    isOnDemand = arguments.isSet("--on-demand")
  }

  /// For the report.
  var parameters: [(String, JSON)] {
    [("seconds", .number(seconds)), ("warm_up", .number(warmUpSeconds))]
  }
}
