/// Whether a session takes messages from its client: only while nothing speaks against it.
struct ReceivingGate {
  struct Reasons: OptionSet {
    let rawValue: UInt8
    /// Too much stdin waits for processes that do not read it.
    static let stdin = Reasons(rawValue: 1)
    /// The client asks and does not read the answers.
    static let replies = Reasons(rawValue: 2)
    /// Requests wait for their turn: behind others of their channel, or for a file transfer's.
    static let requests = Reasons(rawValue: 4)
  }

  /// What the transport has to be told.
  enum Action { case none, pause, resume }

  private(set) var reasons: Reasons = []

  mutating func set(_ reason: Reasons, _ holds: Bool) -> Action {
    let before = reasons
    if holds { reasons.insert(reason) } else { reasons.remove(reason) }
    if before.isEmpty == reasons.isEmpty { return .none }
    return reasons.isEmpty ? .resume : .pause
  }
}
