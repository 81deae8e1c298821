import Testing

@testable import XgenServer

@Suite struct IdempotencyKeyTests {
  @Test(arguments: ["a", "8e03978e-40d5-43e8-bc93-6894a57f9324", "!~\"{}", "a,b"])
  func aVisibleTextIsAKey(text: String) throws {
    let head = try requestHead("Idempotency-Key: \(text)")
    #expect(try IdempotencyKey.text(in: head) == text)
  }

  @Test func theLongestHas255Bytes() throws {
    let longest = String(repeating: "k", count: 255)
    #expect(try IdempotencyKey.text(in: requestHead("Idempotency-Key: \(longest)")) == longest)
    #expect(throws: FieldError.self) {
      try IdempotencyKey.text(in: requestHead("Idempotency-Key: \(longest)k"))
    }
  }

  @Test(arguments: ["", "a b", "a\tb", "é", "\u{7F}"])
  func nothingElseIs(text: String) throws {
    guard let head = try? requestHead("Idempotency-Key: \(text)") else { return }
    #expect(throws: FieldError.self) { try IdempotencyKey.text(in: head) }
  }

  @Test func oneIsEnough() throws {
    #expect(try IdempotencyKey.text(in: requestHead()) == nil)
    let twice = try requestHead("Idempotency-Key: a", "idempotency-key: a")
    #expect(throws: FieldError(field: "Idempotency-Key", expectation: "must not be repeated")) {
      try IdempotencyKey.text(in: twice)
    }
  }

  @Test func theSandboxsIdIsTheSameOnEveryReplica() {
    func id(
      _ owner: String = "ann", _ text: String = "k", secret: UInt8 = 1, atMs: Int64 = 5
    ) -> String {
      IdempotentRequest(owner: owner, text: text, body: []).sandboxID(
        secret: [UInt8](repeating: secret, count: 32), nowMs: atMs)
    }
    #expect(id() == id() && id().count == 16)
    #expect(id(atMs: Limits.idempotencyMs - 1) == id())
    let others = [
      id("bob"), id("ann", "l"), id(secret: 2), id(atMs: Limits.idempotencyMs), id("annk", ""),
    ]
    #expect(Set(others + [id()]).count == 6)
  }
}

@Suite struct IdempotencyTableTests {
  private func key(_ text: String, _ owner: String = "ann") -> IdempotencyKey {
    IdempotencyKey(owner: owner, text: text)
  }

  private func claim(_ key: IdempotencyKey, atMs: Int64 = 0, body: String = "b")
    -> IdempotencyClaim
  {
    IdempotencyClaim(
      key: key, bodyHash: body, sandboxID: "s", createdAtMs: atMs, status: .starting,
      expiresAtMs: 9)
  }

  @Test func theFirstIsNewAndTheNextOnesHearOfIt() {
    var table = IdempotencyTable()
    let a = key("a")
    #expect(table.begin(a, bodyHash: "b", nowMs: 0) == .isNew)
    #expect(table.begin(a, bodyHash: "b", nowMs: 1) == .isUnderWay)
    #expect(table.begin(a, bodyHash: "c", nowMs: 1) == .differs)
    table.keep(claim(a))
    #expect(table.begin(a, bodyHash: "b", nowMs: 2) == .isAnswered(claim(a)))
    #expect(table.begin(a, bodyHash: "c", nowMs: 2) == .differs)
    #expect(table.begin(key("a", "bob"), bodyHash: "c", nowMs: 2) == .isNew)
  }

  @Test func oneThatCameToNothingMakesWayForTheNext() {
    var table = IdempotencyTable()
    #expect(table.begin(key("a"), bodyHash: "b", nowMs: 0) == .isNew)
    table.release(key("a"))
    #expect(table.count == 0)
    #expect(table.begin(key("a"), bodyHash: "c", nowMs: 0) == .isNew)
    table.keep(claim(key("a"), body: "c"))
    table.release(key("a"))  // no more than a late word
    #expect(table.count == 1)
  }

  @Test func itStandsFor24Hours() {
    var table = IdempotencyTable()
    _ = table.begin(key("a"), bodyHash: "b", nowMs: 1000)
    table.keep(claim(key("a"), atMs: 1000))
    let end = 1000 + Limits.idempotencyMs
    #expect(table.begin(key("a"), bodyHash: "b", nowMs: end - 1) != .isNew)
    #expect(table.begin(key("a"), bodyHash: "c", nowMs: end) == .isNew)
  }

  @Test func anOwnerHasAThousandAndIsToldWhenThereIsRoom() {
    var table = IdempotencyTable()
    for number in 0..<Int64(1000) {
      #expect(table.begin(key("\(number)"), bodyHash: "b", nowMs: number) == .isNew)
      table.keep(claim(key("\(number)"), atMs: number))
    }
    let seconds = Int(Limits.idempotencyMs / 1000) - 1
    #expect(
      table.begin(key("x"), bodyHash: "b", nowMs: 1000)
        == .areTooMany(retryAfterSeconds: seconds))
    #expect(table.begin(key("0"), bodyHash: "b", nowMs: 1000) == .isAnswered(claim(key("0"))))
    #expect(table.begin(key("x", "bob"), bodyHash: "b", nowMs: 1000) == .isNew)
    #expect(table.begin(key("x"), bodyHash: "b", nowMs: Limits.idempotencyMs) == .isNew)
  }

  @Test func thoseUnderWayCountAsWell() {
    var table = IdempotencyTable()
    for number in 0..<1000 { _ = table.begin(key("\(number)"), bodyHash: "b", nowMs: 0) }
    #expect(
      table.begin(key("x"), bodyHash: "b", nowMs: 0) == .areTooMany(retryAfterSeconds: 1))
    table.release(key("7"))
    #expect(table.begin(key("x"), bodyHash: "b", nowMs: 0) == .isNew)
  }

  @Test func whatAnEarlierServerKnewIsTakenOverOnce() {
    var table = IdempotencyTable()
    table.adopt(claim(key("a"), atMs: 5), nowMs: 10)
    table.adopt(claim(key("a"), atMs: 6, body: "other"), nowMs: 10)
    table.adopt(claim(key("b"), atMs: 7), nowMs: 10)
    #expect(table.claims == [claim(key("a"), atMs: 5), claim(key("b"), atMs: 7)])
  }

  @Test func whatIsOverIsNotTakenOver() {
    var table = IdempotencyTable()
    let later = Limits.idempotencyMs + 10
    // The file of a server that ran for more than a day: the key was used anew since.
    table.adopt(claim(key("a"), atMs: 5), nowMs: later)
    table.adopt(claim(key("a"), atMs: later - 1), nowMs: later)
    #expect(
      table.begin(key("a"), bodyHash: "b", nowMs: later)
        == .isAnswered(claim(key("a"), atMs: later - 1)))
  }

  @Test func aLateAdoptionEndsInTimeBehindYoungerOnes() {
    var table = IdempotencyTable()
    table.adopt(claim(key("young"), atMs: 1000), nowMs: 1000)
    table.adopt(claim(key("old"), atMs: 5), nowMs: 1000)
    #expect(table.begin(key("old"), bodyHash: "b", nowMs: Limits.idempotencyMs + 5) == .isNew)
  }

  /// Against a plain model: whatever is done in whatever order.
  @Test func neverForgetsEarlyNorCountsWrong() {
    var table = IdempotencyTable()
    var model: [IdempotencyKey: Int64] = [:]
    var random = SystemRandomNumberGenerator()
    var now: Int64 = 0
    for _ in 0..<5000 {
      now += Int64.random(in: 0...Limits.idempotencyMs / 50, using: &random)
      model = model.filter { now - $0.value < Limits.idempotencyMs }
      let key = key("\(Int.random(in: 0..<100, using: &random))")
      let verdict = table.begin(key, bodyHash: "b", nowMs: now)
      #expect((verdict == .isNew) == (model[key] == nil))
      guard verdict == .isNew else { continue }
      if Bool.random(using: &random) {
        table.keep(claim(key, atMs: now))
        model[key] = now
      } else {
        table.release(key)
      }
      #expect(table.count == model.count && table.claims.count == model.count)
    }
  }
}
