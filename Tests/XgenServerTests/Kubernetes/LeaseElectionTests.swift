import Testing

@testable import XgenServer

/// Who leads, and until when, told step by step.
@Suite struct LeaseElectionTests {
  private static func lease(
    _ holder: String, _ version: String, seconds: Int = 15, transitions: Int = 3
  ) -> LeaseElection.Observed {
    .init(
      holder: holder, durationSeconds: seconds, transitions: transitions,
      resourceVersion: version)
  }

  private static func election() -> LeaseElection {
    LeaseElection(identity: "me", renewDeadlineMs: 10_000)
  }

  @Test func theFirstOneMakesTheLease() {
    var election = Self.election()
    #expect(!election.isLeading(0))
    #expect(election.look(at: nil, nowMs: 100) == .create)
    election.didWrite(Self.lease("me", "1"), startedMs: 100, nowMs: 150)
    #expect(election.isLeading(150))
    #expect(
      election.look(at: Self.lease("me", "1"), nowMs: 3_100)
        == .renew(resourceVersion: "1", transitions: 3))
  }

  @Test func leadingEndsBeforeAnotherMayBegin() {
    var election = Self.election()
    election.didWrite(Self.lease("me", "1"), startedMs: 1_000, nowMs: 5_000)
    // Counted from when the renewal began, not from when it was answered.
    #expect(election.leadsUntilMs == 11_000)
    #expect(election.isLeading(10_999))
    #expect(!election.isLeading(11_000))
    var other = LeaseElection(identity: "other", renewDeadlineMs: 10_000)
    // Another one can't have seen the renewal before it began.
    #expect(other.look(at: Self.lease("me", "1"), nowMs: 1_000) == .wait)
    #expect(other.look(at: Self.lease("me", "1"), nowMs: 15_999) == .wait)
    #expect(
      other.look(at: Self.lease("me", "1"), nowMs: 16_000)
        == .take(resourceVersion: "1", transitions: 4))
  }

  @Test func aRenewalStartsTheWaitAnew() {
    var election = Self.election()
    #expect(election.look(at: Self.lease("other", "1"), nowMs: 0) == .wait)
    #expect(election.look(at: Self.lease("other", "2"), nowMs: 14_000) == .wait)
    #expect(election.look(at: Self.lease("other", "2"), nowMs: 28_999) == .wait)
    #expect(
      election.look(at: Self.lease("other", "2"), nowMs: 29_000)
        == .take(resourceVersion: "2", transitions: 4))
  }

  @Test func theDurationIsTheHolders() {
    var election = Self.election()
    #expect(election.look(at: Self.lease("other", "1", seconds: 60), nowMs: 0) == .wait)
    #expect(election.look(at: Self.lease("other", "1", seconds: 60), nowMs: 59_999) == .wait)
    #expect(election.look(at: Self.lease("other", "1", seconds: 60), nowMs: 60_000) != .wait)
    // One that makes no sense is not over at once.
    var next = Self.election()
    #expect(next.look(at: Self.lease("other", "1", seconds: 0), nowMs: 0) == .wait)
    #expect(next.look(at: Self.lease("other", "1", seconds: 0), nowMs: 1_000) != .wait)
  }

  @Test func whatWasGivenUpIsTakenAtOnce() {
    var election = Self.election()
    #expect(
      election.look(at: Self.lease("", "7"), nowMs: 0)
        == .take(resourceVersion: "7", transitions: 4))
  }

  @Test func whoSeesAnotherHolderLeadsNoMore() {
    var election = Self.election()
    election.didWrite(Self.lease("me", "1"), startedMs: 0, nowMs: 0)
    #expect(election.look(at: Self.lease("other", "2"), nowMs: 1_000) == .wait)
    #expect(!election.isLeading(1_000))
  }

  @Test func resigningCountsAtOnce() {
    var election = Self.election()
    election.didWrite(Self.lease("me", "1"), startedMs: 0, nowMs: 0)
    election.resign()
    #expect(!election.isLeading(1) && election.leadsUntilMs == nil)
  }

  @Test func readsWhatItWrites() {
    let object = LeaseManifest.object(
      identity: "me", nowMs: 1_700_000_000_250, acquiredMs: 1_700_000_000_000, transitions: 4,
      resourceVersion: "9", namespace: "n")
    #expect(object["spec"]?["renewTime"] == "2023-11-14T22:13:20.250000Z")
    #expect(LeaseManifest.observed(object) == Self.lease("me", "9", transitions: 4))
    #expect(LeaseManifest.observed(["metadata": ["resourceVersion": "1"]]) == nil)
    #expect(LeaseManifest.observed(.null) == nil)
    let hostile: JSONValue = [
      "metadata": ["resourceVersion": "1"],
      "spec": ["leaseDurationSeconds": -5, "leaseTransitions": "x", "holderIdentity": 7],
    ]
    #expect(
      LeaseManifest.observed(hostile)
        == .init(holder: "", durationSeconds: 15, transitions: 0, resourceVersion: "1"))
  }
}
