/// What a scenario found: printed as text, or as one JSON object.
struct Report {
  let scenario: String
  let parameters: [(String, JSON)]
  /// How long was measured.
  let seconds: Double
  let latencies: [Latency]
  /// Further results, such as bytes per second.
  var figures: [(String, JSON)] = []

  /// Where values begin in the text.
  private static let column = 21

  func text(_ errors: ErrorLog, interrupted: Bool) -> String {
    let settings = parameters.map { "\($0.0) \($0.1.plain)" }.joined(separator: ", ")
    var out = "\(scenario): \(settings)\n"
    for latency in latencies {
      let rate = latency.perSecond(seconds).grouped
      out += "  \(latency.name.padded(to: Self.column))\(latency.count.grouped) in "
      out += "\(seconds.fixed(decimals: 2)) s, \(rate)/s\n"
      out += "  \("".padded(to: Self.column))\(latency.text)\n"
    }
    for (name, value) in figures { out += "  \(name.padded(to: Self.column))\(value.plain)\n" }
    out += "  \("errors".padded(to: Self.column))\(errors.count.grouped)"
    if let first = errors.first { out += ", the first: \(first)" }
    if let hint = errors.hint { out += "\n  \("".padded(to: Self.column))\(hint)" }
    return out + (interrupted ? "\n  interrupted\n" : "\n")
  }

  func json(_ errors: ErrorLog, interrupted: Bool) -> JSON {
    .object([
      ("scenario", .string(scenario)), ("version", .string(XgenBench.version)),
      ("parameters", .object(parameters)), ("seconds", .number(seconds)),
      ("latencies", .object(latencies.map { ($0.name, $0.json(seconds: seconds)) })),
      ("figures", .object(figures)), ("errors", errors.json), ("interrupted", .bool(interrupted)),
    ])
  }
}

extension JSON {
  /// For people.
  fileprivate var plain: String {
    switch self {
    case .string(let text): text
    case .number(let number): Int(exactly: number).map(\.grouped) ?? number.grouped
    case .null, .bool, .array, .object: description
    }
  }
}

/// Counts what went wrong and keeps the first message.
struct ErrorLog {
  private(set) var count = 0
  private(set) var first: String?
  /// What the user can do about it.
  private(set) var hint: String?

  private static let rateLimitHint =
    "429: start the server with --rate-limit-per-minute 0, or stay below the limit it names"

  mutating func add(_ message: String) {
    count += 1
    if first == nil { first = message }
  }

  mutating func add(_ failure: APIFailure) {
    add(failure.description)
    if failure.isRateLimit { hint = Self.rateLimitHint }
  }

  var json: JSON {
    .object([
      ("count", .integer(count)), ("first", first.map { .string($0) } ?? .null),
      ("hint", hint.map { .string($0) } ?? .null),
    ])
  }
}
