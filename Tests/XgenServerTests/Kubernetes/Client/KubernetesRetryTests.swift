import TestSupport
import Testing

@testable import XgenServer

@Suite struct KubernetesRetryTests {
  private let policy = KubernetesRetryPolicy()
  private static let unreachable = KubernetesError.unreachable("x")

  private func delay(
    _ error: KubernetesError, sent: Bool = true, retryAfter: Int? = nil,
    _ method: KubernetesRequest.Method = .get, attempts: Int = 1, elapsedMs: UInt64 = 0
  ) -> UInt64? {
    var random = SplitMix64(seed: 7)
    return policy.delayMs(
      attempts: attempts,
      KubernetesFailure(error: error, wasSent: sent, retryAfterSeconds: retryAfter), method,
      elapsedMs: elapsedMs, using: &random)
  }

  @Test(arguments: [KubernetesRequest.Method.get, .put, .patch, .delete])
  func idempotentVerbsAreSentAgainAfterWhateverPasses(method: KubernetesRequest.Method) {
    #expect(delay(Self.unreachable, method) != nil)
    #expect(delay(.server(status: 503, ""), method) != nil)
    #expect(delay(.tooManyRequests("", retryAfterSeconds: nil), method) != nil)
    #expect(delay(.forbidden(""), method) == nil)
    #expect(delay(.conflict(""), method) == nil)
  }

  @Test func aPostIsSentAgainOnlyIfItWasNotActedOn() {
    #expect(delay(Self.unreachable, sent: true, .post) == nil)
    #expect(delay(Self.unreachable, sent: false, .post) != nil)
    #expect(delay(.server(status: 503, ""), .post) == nil)
    #expect(delay(.tooManyRequests("", retryAfterSeconds: nil), .post) != nil)
  }

  @Test func attemptsAndTimeEnd() {
    #expect(delay(Self.unreachable, attempts: 4) != nil)
    #expect(delay(Self.unreachable, attempts: 5) == nil)
    #expect(delay(Self.unreachable, elapsedMs: policy.deadlineMs) == nil)
    #expect(delay(Self.unreachable, retryAfter: 5, elapsedMs: policy.deadlineMs - 4_000) == nil)
  }

  @Test func retryAfterIsTheLeastAndALongOneEndsIt() throws {
    for seconds in 1...5 {
      let found = delay(.tooManyRequests("", retryAfterSeconds: seconds), retryAfter: seconds)
      let delay = try #require(found)
      #expect(UInt64(seconds) * 1000...UInt64(seconds) * 1000 + 100 ~= delay)
    }
    for seconds in [6, 86_400, Int.max] {
      #expect(
        delay(.tooManyRequests("", retryAfterSeconds: seconds), retryAfter: seconds) == nil)
    }
    #expect(delay(Self.unreachable, retryAfter: -5) != nil)
  }

  @Test func jitterFillsItsRangeAndTheRangeDoublesToACap() {
    let jitter = FullJitter(baseMs: 100, capMs: 2_000)
    #expect(
      [1, 2, 3, 4, 5, 6, 60, 1 << 40].map { jitter.boundMs(failures: $0) }
        == [100, 200, 400, 800, 1600, 2000, 2000, 2000])
    var random = SplitMix64(seed: 1)
    let delays = (0..<1_000).map { _ in jitter.delayMs(failures: 3, using: &random) }
    #expect(delays.allSatisfy { $0 <= 400 })
    #expect(delays.min()! < 20 && delays.max()! > 380)
  }
}

@Suite struct KubernetesWatchCourseTests {
  private func failure(_ error: KubernetesError, retryAfter: Int? = nil) -> KubernetesFailure {
    KubernetesFailure(error: error, wasSent: true, retryAfterSeconds: retryAfter)
  }

  private func open() -> KubernetesWatchCourse {
    var course = KubernetesWatchCourse()
    course.listed("5")
    _ = course.opened()
    return course
  }

  @Test func listsThenWatchesFromThere() {
    var course = KubernetesWatchCourse()
    #expect(course.resourceVersion == nil)
    course.listed("5")
    #expect(course.resourceVersion == "5")
    let answers = [course.opened(), course.opened()]
    #expect(answers == [true, false])
    course.saw("9")
    #expect(course.resourceVersion == "9" && course.failures == 0)
  }

  @Test(arguments: [
    (KubernetesError.unreachable("cut"), true), (.tooManyRequests("", retryAfterSeconds: 1), true),
    (.server(status: 500, ""), false), (.server(status: 502, ""), true),
    (.server(status: 503, ""), true), (.unauthorized(""), true),
    (.server(status: 504, "Too large resource version"), false), (.gone(""), false),
    (.malformed(""), false), (.forbidden(""), false), (.notFound(""), false), (.invalid(""), false),
  ])
  func goesOnWhereItWasOnlyIfThatIsSafe(error: KubernetesError, resumes: Bool) {
    var course = open()
    course.failed(failure(error))
    #expect((course.resourceVersion != nil) == resumes)
  }

  @Test func listsAfterALongAbsenceOfAnyKind() {
    var course = open()
    for failures in 1...KubernetesWatchCourse.maxFailuresInPlace {
      course.failed(failure(.unreachable("refused")))
      let isPlaceKept = failures < KubernetesWatchCourse.maxFailuresInPlace
      #expect((course.resourceVersion != nil) == isPlaceKept)
    }
  }

  @Test func aCutThatIsMendedAtOnceIsNoNews() {
    var course = open()
    for _ in 0..<50 {
      course.failed(failure(.unreachable("cut")))
      let news = course.takeNews()
      #expect(news == nil)
      let isNews = course.opened()
      #expect(!isNews)
    }
  }

  @Test func aCutThatIsNotIsToldOnceAndItsEndAsWell() {
    var course = open()
    course.failed(failure(.unreachable("cut")))
    course.failed(failure(.unreachable("refused")))
    var news = course.takeNews()
    #expect(news == .unreachable("refused"))
    course.failed(failure(.unreachable("refused")))
    news = course.takeNews()
    #expect(news == nil)
    let isNews = course.opened()
    #expect(isNews)
  }

  @Test func theFirstListsFailureIsToldAtOnce() {
    var course = KubernetesWatchCourse()
    course.failed(failure(.forbidden("no")))
    let news = course.takeNews()
    #expect(news == .forbidden("no"))
  }

  @Test func waitsLongerFromFailureToFailureAndNotAtAllAfterAnOrderlyEnd() {
    var course = open()
    course.ended(afterMs: 270_000)
    var random = SplitMix64(seed: 3)
    var delay = course.delayMs(using: &random)
    #expect(delay == 0)
    var longest: UInt64 = 0
    for _ in 0..<30 {
      course.failed(failure(.unreachable("")))
      let delay = course.delayMs(using: &random)
      #expect(delay <= KubernetesWatchCourse.soon.capMs)
      longest = max(longest, delay)
    }
    #expect(longest > 1_000)
    course.saw("6")
    delay = course.delayMs(using: &random)
    #expect(delay == 0)
  }

  @Test func aWatchThatAlwaysEndsAtOnceIsAFailure() {
    var course = open()
    course.saw("6")
    for round in 0..<5 {
      course.ended(afterMs: 3)
      #expect(course.failures == round + 1)
    }
    #expect(course.resourceVersion == "6")
  }

  @Test func whatMustBeMendedIsTriedLessOftenAndRetryAfterIsBounded() {
    var course = open()
    var random = SplitMix64(seed: 3)
    var longest: UInt64 = 0
    for _ in 0..<30 {
      course.failed(failure(.forbidden("")))
      longest = max(longest, course.delayMs(using: &random))
    }
    #expect(longest > 2_000 && longest <= KubernetesWatchCourse.later.capMs)
    course.failed(failure(.tooManyRequests("", retryAfterSeconds: 9_999), retryAfter: 9_999))
    let delay = course.delayMs(using: &random)
    #expect(10_000...12_000 ~= delay)
  }
}
