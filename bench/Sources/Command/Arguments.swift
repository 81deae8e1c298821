/// The words behind a command, matched with the options that it declares: `--name value` or
/// `--name=value`, and after a lone `--` whatever the command takes.
struct Arguments {
  private let command: any Command.Type
  private var values: [String: String] = [:]
  private var switches: Set<String> = []
  /// What stood behind `--`.
  private(set) var rest: [String] = []

  init(_ words: [String], of command: any Command.Type) throws(UsageError) {
    self.command = command
    var index = 0
    while index < words.count {
      let word = words[index]
      index += 1
      if word == "--" {
        guard command.restName != nil else { throw UsageError("nothing may follow --") }
        rest = Array(words[index...])
        return
      }
      let next = index < words.count ? words[index] : nil
      if try take(word, next) { index += 1 }
    }
  }

  var asksHelp: Bool { switches.contains("--help") }
  var asksVersion: Bool { switches.contains("--version") }

  /// Whether the next word was used up as this one's value.
  private mutating func take(_ word: String, _ next: String?) throws(UsageError) -> Bool {
    if word == "-h" || word == "--help" || word == "--version" {
      switches.insert(word == "-h" ? "--help" : word)
      return false
    }
    guard word.hasPrefix("-") else {
      throw UsageError("unexpected \"\(word)\" (see xgen-bench \(command.name) --help)")
    }
    let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    let name = String(parts[0])
    guard let option = command.options.first(where: { $0.name == name }) else {
      throw UsageError("unknown option \(name) (see xgen-bench \(command.name) --help)")
    }
    if values[name] != nil || switches.contains(name) {
      throw UsageError("\(name) is given twice")
    }
    guard let valueName = option.value else {
      if parts.count == 2 { throw UsageError("\(name) takes no value") }
      switches.insert(name)
      return false
    }
    if parts.count == 2 {
      values[name] = String(parts[1])
      return false
    }
    guard let next, !next.hasPrefix("--") else {
      throw UsageError("\(name) needs a value: \(name) \(valueName)")
    }
    values[name] = next
    return true
  }

  // MARK: Values

  func isSet(_ name: String) -> Bool { switches.contains(name) }

  func text(_ name: String) throws(UsageError) -> String? {
    if values[name] == "" { throw UsageError("\(name) is empty") }
    return values[name]
  }

  func integer(
    _ name: String, default fallback: Int, in range: ClosedRange<Int>
  ) throws(UsageError) -> Int {
    guard let text = values[name] else { return fallback }
    guard let number = Int(text), range.contains(number) else {
      throw bad(name, text, "a whole number from \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }

  /// Whole numbers with commas between; none if the option is not given.
  func integers(_ name: String, in range: ClosedRange<Int>) throws(UsageError) -> [Int] {
    guard let text = values[name] else { return [] }
    var numbers: [Int] = []
    for word in text.split(separator: ",", omittingEmptySubsequences: false) {
      guard let number = Int(word), range.contains(number) else {
        throw bad(name, text, "numbers from \(range.lowerBound) to \(range.upperBound)")
      }
      numbers.append(number)
    }
    return numbers
  }

  /// The path of a request: `/ws`.
  func path(_ name: String) throws(UsageError) -> String? {
    guard let text = try text(name) else { return nil }
    guard text.hasPrefix("/"), text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
      throw bad(name, text, "a path such as /ws")
    }
    return text
  }

  /// Bytes; `64k` and `1m` are KiB and MiB.
  func byteCount(
    _ name: String, default fallback: Int, in range: ClosedRange<Int>
  ) throws(UsageError) -> Int {
    guard let text = values[name] else { return fallback }
    let units: [Character: Int] = ["k": 1024, "K": 1024, "m": 1024 * 1024, "M": 1024 * 1024]
    let unit = text.last.flatMap { units[$0] }
    let product = Int(unit == nil ? text[...] : text.dropLast())?
      .multipliedReportingOverflow(by: unit ?? 1)
    guard let product, !product.overflow, range.contains(product.partialValue) else {
      let bounds = "\(range.lowerBound) to \(range.upperBound)"
      throw bad(name, text, "bytes from \(bounds), or such as 64k")
    }
    return product.partialValue
  }

  /// Decimals are allowed.
  func seconds(
    _ name: String, default fallback: Double, in range: ClosedRange<Double>
  ) throws(UsageError) -> Double {
    guard let text = values[name] else { return fallback }
    guard let number = Double(text), range.contains(number) else {
      throw bad(name, text, "seconds from \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }

  private func bad(_ name: String, _ text: String, _ wanted: String) -> UsageError {
    UsageError("\(name): \"\(text)\" is not \(wanted)")
  }
}
