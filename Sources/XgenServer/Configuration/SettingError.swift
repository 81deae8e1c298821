/// A setting that can't be used; the text names it and says what it takes.
struct SettingError: Error, Sendable, Equatable, CustomStringConvertible {
  let name: String
  let problem: String
  var description: String { "\(name): \(problem)" }
}
