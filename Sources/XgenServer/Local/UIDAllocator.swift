/// Host users for sandboxes: each gets one that no other sandbox has.
///
/// The search goes round, so that a user is not given out again right after its sandbox went.
struct UIDAllocator: Sendable {
  let range: Range<UInt32>
  private var taken: Set<UInt32> = []
  private var next: UInt32

  /// `start` is any number; two servers on one host that begin far apart do not meet soon.
  init(range: Range<UInt32>, startingNear start: UInt32 = 0) {
    precondition(!range.isEmpty, "an empty range of users")
    self.range = range
    next = range.lowerBound + start % UInt32(range.count)
  }

  /// A free user; nil when all are taken.
  mutating func take() -> UInt32? {
    guard taken.count < range.count else { return nil }
    while true {
      let candidate = next
      next = next + 1 == range.upperBound ? range.lowerBound : next + 1
      if taken.insert(candidate).inserted { return candidate }
    }
  }

  /// Marks the user of an adopted sandbox; false if it is outside the range or taken already.
  mutating func reserve(_ uid: UInt32) -> Bool {
    range.contains(uid) && taken.insert(uid).inserted
  }

  mutating func release(_ uid: UInt32) { taken.remove(uid) }
}
