internal import Synchronization

/// A path as the metrics name it: a route's template, or what stands for several. Whoever counts
/// under it keeps it: it is known by its number, so that no request hashes its text.
final class PathLabel: Sendable {
  let text: String
  /// Its place among all labels of this process, which are few: one for each route.
  let number: Int

  private static let made = Atomic(0)

  /// What no route matched.
  static let unmatched = PathLabel("unmatched")

  init(_ text: String) {
    self.text = text
    number = Self.made.add(1, ordering: .relaxed).oldValue
  }
}
