/// A path as the metrics name it: a route's template, or what stands for several. Whoever counts
/// under it keeps it: it is known by its identity, so that no request hashes its text.
final class PathLabel: Hashable, Sendable {
  let text: String

  /// What no route matched.
  static let unmatched = PathLabel("unmatched")

  init(_ text: String) { self.text = text }

  static func == (left: PathLabel, right: PathLabel) -> Bool { left === right }

  func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
}
