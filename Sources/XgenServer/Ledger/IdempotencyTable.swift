/// What one Idempotency-Key stands for: the sandbox that its first request made, and how that was
/// answered.
struct IdempotencyClaim: Equatable, Sendable {
  let key: IdempotencyKey
  let bodyHash: String
  let sandboxID: String
  /// Unix time in milliseconds.
  let createdAtMs: Int64
  // What of the first answer the sandbox does not tell any more.
  let status: SandboxStatus
  let expiresAtMs: Int64

  init(
    key: IdempotencyKey, bodyHash: String, sandboxID: String, createdAtMs: Int64,
    status: SandboxStatus, expiresAtMs: Int64
  ) {
    self.key = key
    self.bodyHash = bodyHash
    self.sandboxID = sandboxID
    self.createdAtMs = createdAtMs
    self.status = status
    self.expiresAtMs = expiresAtMs
  }

  /// That of a sandbox whose server died before it answered, or as it is answered now; nil for a
  /// sandbox that was made without a key.
  init?(_ record: SandboxRecord, answered status: SandboxStatus = .starting) {
    guard let mark = record.idempotency else { return nil }
    self.init(
      key: IdempotencyKey(owner: record.owner, text: mark.key), bodyHash: mark.bodyHash,
      sandboxID: record.id, createdAtMs: record.createdAtMs, status: status,
      expiresAtMs: record.expiresAtMs)
  }

  func isOver(_ nowMs: Int64) -> Bool { nowMs - createdAtMs >= Limits.idempotencyMs }
}

/// The Idempotency-Keys of the last 24 hours, bounded in number. Pure.
struct IdempotencyTable {
  enum Verdict: Equatable {
    /// The caller makes the sandbox, and then calls `keep` or `release`.
    case isNew
    /// A first request is under way.
    case isUnderWay
    case isAnswered(IdempotencyClaim)
    /// The key came with another body.
    case differs
    case areTooMany(retryAfterSeconds: Int)
  }

  private enum Entry {
    case underWay(bodyHash: String)
    case answered(IdempotencyClaim)
  }

  private var entries: [IdempotencyKey: Entry] = [:]
  private var countByOwner: [String: Int] = [:]
  /// Claims by age, so that those that are over are found at the front.
  private var ages: [(key: IdempotencyKey, createdAtMs: Int64)] = []
  private var firstAge = 0

  var count: Int { entries.count }

  /// What to do with a request; one that `isNew` is under way from now on.
  mutating func begin(_ key: IdempotencyKey, bodyHash: String, nowMs: Int64) -> Verdict {
    sweep(nowMs: nowMs)
    // One that was adopted late may stand behind younger ones, where the sweep does not get to.
    if case .answered(let claim) = entries[key], claim.isOver(nowMs) { set(key, nil) }
    switch entries[key] {
    case .underWay(let first): return first == bodyHash ? .isUnderWay : .differs
    case .answered(let claim): return claim.bodyHash == bodyHash ? .isAnswered(claim) : .differs
    case nil: break
    }
    if let seconds = secondsUntilRoom(key.owner, nowMs) {
      return .areTooMany(retryAfterSeconds: seconds)
    }
    set(key, .underWay(bodyHash: bodyHash))
    return .isNew
  }

  /// The first request was answered so.
  mutating func keep(_ claim: IdempotencyClaim) {
    set(claim.key, .answered(claim))
    ages.append((claim.key, claim.createdAtMs))
  }

  /// The first request came to nothing: the next one is the first.
  mutating func release(_ key: IdempotencyKey) {
    if case .underWay = entries[key] { set(key, nil) }
  }

  /// Takes over what an earlier server knew; of what is not over, the earliest knowledge of a key
  /// counts.
  mutating func adopt(_ claim: IdempotencyClaim, nowMs: Int64) {
    if entries[claim.key] == nil, !claim.isOver(nowMs) { keep(claim) }
  }

  /// All that are answered, oldest first.
  var claims: [IdempotencyClaim] { ages[firstAge...].compactMap { claim($0) } }

  /// Nil where the key has been used anew since.
  private func claim(_ age: (key: IdempotencyKey, createdAtMs: Int64)) -> IdempotencyClaim? {
    guard case .answered(let claim) = entries[age.key], claim.createdAtMs == age.createdAtMs
    else { return nil }
    return claim
  }

  /// Drops what is older than 24 hours.
  mutating func sweep(nowMs: Int64) {
    while firstAge < ages.count {
      if let claim = claim(ages[firstAge]) {
        guard claim.isOver(nowMs) else { break }
        set(claim.key, nil)
      }
      firstAge += 1
    }
    guard firstAge > 1024 || firstAge == ages.count else { return }
    ages.removeFirst(firstAge)
    firstAge = 0
  }

  private mutating func set(_ key: IdempotencyKey, _ entry: Entry?) {
    let change = (entry == nil ? 0 : 1) - (entries[key] == nil ? 0 : 1)
    entries[key] = entry
    let count = countByOwner[key.owner, default: 0] + change
    countByOwner[key.owner] = count > 0 ? count : nil
  }

  /// Nil if the owner may have one more.
  private func secondsUntilRoom(_ owner: String, _ nowMs: Int64) -> Int? {
    let ownersOwn = countByOwner[owner, default: 0] >= Limits.maxIdempotencyKeysPerOwner
    guard ownersOwn || count >= Limits.maxIdempotencyKeys else { return nil }
    let oldest = ages[firstAge...].lazy.compactMap { claim($0) }
      .first { !ownersOwn || $0.key.owner == owner }
    guard let oldest else { return 1 }  // all of them are under way
    return max(1, Int((oldest.createdAtMs + Limits.idempotencyMs - nowMs + 999) / 1000))
  }
}
