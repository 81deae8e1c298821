import TestSupport
import Testing

@testable import XgenServer

@Suite struct KubernetesWatchDecoderTests {
  private typealias Event = KubernetesWatchDecoder.Event

  /// What comes out, and the error at its end.
  private struct Outcome: Equatable {
    var events: [KubernetesWatchDecoder.Event] = []
    var error: KubernetesError?
  }

  private func decode(_ bytes: [UInt8], ends: [Int], max: Int = 4096) -> Outcome {
    var decoder = KubernetesWatchDecoder(maxEventBytes: max)
    var outcome = Outcome()
    var start = 0
    for end in ends {
      bytes[start..<end].withUnsafeBytes { decoder.append($0) }
      start = end
      do throws(KubernetesError) {
        while let (event, _) = try decoder.next() { outcome.events.append(event) }
      } catch {
        outcome.error = error
        return outcome
      }
    }
    return outcome
  }

  private func decode(_ text: String) -> Outcome {
    decode(Array(text.utf8), ends: [text.utf8.count])
  }

  private static func line(_ type: String, _ name: String, _ version: Int) -> String {
    #"{"type":"\#(type)","object":{"kind":"Pod","metadata":{"name":"\#(name)","#
      + #""resourceVersion":"\#(version)","managedFields":[{"f":{}}]},"status":{"phase":"é"}}}"#
      + "\n"
  }

  private static func object(_ name: String, _ version: String) -> JSONValue {
    [
      "kind": "Pod", "metadata": ["name": .string(name), "resourceVersion": .string(version)],
      "status": ["phase": "é"],
    ]
  }

  private static let stream =
    line("ADDED", "a", 1) + line("MODIFIED", "a", 2) + "\n \r\n"
    + #"{"type":"BOOKMARK","object":{"kind":"Pod","metadata":{"resourceVersion":"7"}}}"# + "\r\n"
    + line("DELETED", "a", 8)
    + #"{"type":"ERROR","object":"# + status(410, "Expired", "too old") + "}\n"

  private static let events: [KubernetesWatchDecoder.Event] = [
    .changed(object("a", "1"), resourceVersion: "1"),
    .changed(object("a", "2"), resourceVersion: "2"), .bookmark(resourceVersion: "7"),
    .deleted(object("a", "8"), resourceVersion: "8"), .error(.gone("too old")),
  ]

  @Test func decodesWholeByteByByteAndAtEverySplit() {
    let bytes = Array(Self.stream.utf8)
    let expected = Outcome(events: Self.events)
    #expect(decode(bytes, ends: [bytes.count]) == expected)
    #expect(decode(bytes, ends: Array(0...bytes.count)) == expected)
    for split in 0...bytes.count {
      #expect(decode(bytes, ends: [split, bytes.count]) == expected)
    }
  }

  @Test func anEventWithoutItsLineFeedIsNoneYet() {
    for cut in 0..<Self.line("ADDED", "a", 1).utf8.count {
      let bytes = Array(Self.line("ADDED", "a", 1).utf8.prefix(cut))
      #expect(decode(bytes, ends: [cut]) == Outcome())
    }
  }

  @Test(arguments: [
    "{}\n", "[]\n", "null\n", "x\n", "{\"type\":\"ADDED\"\n", "{\"type\":\"ADDED\"}\n",
    #"{"type":"ADDED","object":7}"# + "\n", #"{"type":7,"object":{}}"# + "\n",
    #"{"type":"ADDED","object":{}}"# + "\n", #"{"type":"ADDED","object":{"metadata":{}}}"# + "\n",
    #"{"type":"ADDED","object":{"metadata":{"resourceVersion":7}}}"# + "\n",
    #"{"type":"ADDED","object":{"metadata":{"resourceVersion":""}}}"# + "\n",
    #"{"type":"RENAMED","object":{"metadata":{"resourceVersion":"7"}}}"# + "\n", "\u{1}\n",
    #"{"type":"ADDED","object":{"metadata":{"resourceVersion":"1"}}}{}"# + "\n",
  ])
  func refusesWhatIsNoEvent(line: String) {
    let outcome = decode(Self.line("ADDED", "a", 1) + line + Self.line("ADDED", "b", 2))
    #expect(outcome.events.count == 1)
    guard case .malformed? = outcome.error else {
      Issue.record("\(String(describing: outcome.error))")
      return
    }
  }

  @Test func anEventIsBoundedWhereverItIsCut() {
    let padding = String(repeating: "x", count: 4096)
    let line = Self.line("ADDED", padding, 1)
    let bytes = Array((line + Self.line("ADDED", "b", 2)).utf8)
    for step in [1, 100, bytes.count] {
      let ends = Array(stride(from: step, to: bytes.count, by: step)) + [bytes.count]
      let outcome = decode(bytes, ends: ends)
      #expect(outcome.error == .malformed("an event is over 4096 bytes"), "\(step)")
      #expect(outcome.events.isEmpty)
    }
    let endless = [UInt8](repeating: 0x20, count: 5000)
    #expect(decode(endless, ends: Array(1...5000)).error != nil)
  }

  @Test func anErrorEventWithoutAStatusIsOneAllTheSame() {
    #expect(
      decode("{\"type\":\"ERROR\",\"object\":{}}\n").events
        == [.error(.server(status: 500, "no reason was given (HTTP 500)"))])
  }
}

@Suite struct KubernetesListingTests {
  private let selection = KubernetesSelection(
    resource: .pods, namespace: "ns", labelSelector: "a=b", fieldSelector: nil)

  private func page(_ text: String) throws -> KubernetesAnswer {
    let bytes = Array(text.utf8)
    return KubernetesAnswer(
      status: 200, body: try JSONParser.parse(bytes), byteCount: bytes.count)
  }

  @Test func pagesAreJoinedAndTheLastOnesVersionCounts() throws {
    var listing = KubernetesListing(selection, pageItems: 2)
    #expect(listing.request.target == "/api/v1/namespaces/ns/pods?labelSelector=a%3Db&limit=2")
    let first = try page(
      #"{"metadata":{"resourceVersion":"5","continue":"c+1"},"items":[{"i":1},{"i":2}]}"#)
    let none = try listing.take(first)
    #expect(none == nil)
    #expect(listing.request.target.hasSuffix("limit=2&continue=c%2B1"))
    let second = try page(#"{"metadata":{"resourceVersion":"5"},"items":[{"i":3}]}"#)
    let list = try listing.take(second)
    #expect(
      list == KubernetesList(items: [["i": 1], ["i": 2], ["i": 3]], resourceVersion: "5"))
  }

  @Test func anExpiredContinueBeginsAnewAFewTimes() throws {
    var listing = KubernetesListing(selection)
    let first = try page(#"{"metadata":{"resourceVersion":"5","continue":"c"},"items":[{"i":1}]}"#)
    for _ in 0..<KubernetesLimits.maxListRestarts {
      let (none, restarts) = (try listing.take(first), listing.restart())
      #expect(none == nil && restarts)
      #expect(!listing.request.target.contains("continue"))
    }
    let restarts = listing.restart()
    #expect(!restarts)
    let last = try page(#"{"metadata":{"resourceVersion":"6"},"items":null}"#)
    let list = try listing.take(last)
    #expect(list == KubernetesList(items: [], resourceVersion: "6"))
  }

  @Test(arguments: [
    "{}", "[]", "null", #"{"items":[]}"#, #"{"metadata":{"resourceVersion":5},"items":[]}"#,
    #"{"metadata":{"resourceVersion":"5"},"items":{}}"#,
    #"{"metadata":{"resourceVersion":""},"items":[]}"#,
  ])
  func refusesWhatIsNoList(text: String) throws {
    var listing = KubernetesListing(selection)
    let answer = try page(text)
    #expect(throws: KubernetesError.self) { try listing.take(answer) }
  }

  @Test func aListThatNeverEndsIsRefused() throws {
    var listing = KubernetesListing(selection)
    let endless = try page(#"{"metadata":{"resourceVersion":"5","continue":"c"},"items":[]}"#)
    #expect(throws: KubernetesError.self) {
      for _ in 0...KubernetesLimits.maxListPages { _ = try listing.take(endless) }
    }
    var large = KubernetesListing(selection)
    let huge = KubernetesAnswer(status: 200, body: endless.body, byteCount: 1 << 30)
    #expect(throws: KubernetesError.self) { try large.take(huge) }
  }
}
