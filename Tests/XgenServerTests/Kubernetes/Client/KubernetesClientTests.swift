import Glibc
import Reactor
import ServerTestSupport
import TestSupport
import Testing

@testable import XgenServer

@Suite struct KubernetesClientTests {
  @Test func sendsWhatIsAskedAndReadsTheAnswer() async throws {
    try await ClientFixture.with(token: .fixed("t0ken")) {
      $0.answer(200, #"{"kind":"Pod"}"#)
    } _: { fixture in
      let patch = KubernetesRequest.patch(
        .pods, in: "ns", "a b", .mergePatch, ["x": "é"], subresource: "status")
      let answer = try await fixture.client.send(patch)
      #expect(answer.status == 200 && answer.body == ["kind": "Pod"])
      let request = try #require(fixture.server.requests.first)
      #expect(request.method == "PATCH" && request.body == #"{"x":"é"}"#)
      #expect(request.target == "/api/v1/namespaces/ns/pods/a%20b/status")
      let lines = request.head.split(separator: "\r\n").map(String.init)
      #expect(lines.contains("Authorization: Bearer t0ken"))
      #expect(lines.contains("Content-Type: application/merge-patch+json"))
      #expect(lines.contains("Accept: application/json"))
      #expect(!request.head.lowercased().contains("expect:"))
    }
  }

  @Test func theTokenOfOneRequestIsInNoOther() async throws {
    try await ClientFixture.with {
      $0.answer(200, "{}")
    } _: { fixture in
      _ = try await fixture.client.send(.createPod)
      _ = try await fixture.client.send(.delete(.pods, in: "ns", "p"))
      _ = try await fixture.client.send(.getPod)
      #expect(fixture.server.requests.map(\.method) == ["POST", "DELETE", "GET"])
      #expect(fixture.server.requests.allSatisfy { !$0.head.contains("Authorization") })
      #expect(fixture.server.requests[2].body.isEmpty)
      #expect(!fixture.server.requests[2].head.contains("Content-"))
      #expect(fixture.server.connections.count == 1, "connections are kept")
    }
  }

  @Test func retriesUntilItWorksAndHoldsNoWorkerMeanwhile() async throws {
    let answers = Answers([503, 429, 500])
    try await ClientFixture.with { request in
      if let code = answers.next() {
        request.answer(code, status(code, "", "m"), fields: code == 429 ? "Retry-After: 2\r\n" : "")
      } else {
        request.answer(200, "{}")
      }
    } _: { fixture in
      _ = try await fixture.client.send(.getPod)
      #expect(fixture.server.requests.count == 4)
      #expect(fixture.waited.count == 3)
      #expect(fixture.waited[0] <= 100 && 2000...2200 ~= fixture.waited[1])
      #expect(fixture.waited[2] <= 400)
    }
  }

  @Test func givesUpWithTheLastErrorAfterSoManyAttempts() async throws {
    try await ClientFixture.with {
      $0.answer(503, status(503, "", "away"))
    } _: { fixture in
      #expect(await fixture.failure(.getPod) == .server(status: 503, "away"))
      #expect(fixture.server.requests.count == KubernetesRetryPolicy().maxAttempts)
      #expect(await fixture.failure(.createPod) == .server(status: 503, "away"))
      #expect(fixture.server.requests.count == KubernetesRetryPolicy().maxAttempts + 1)
    }
  }

  @Test func aPostWhoseAnswerIsCutOffIsSentOnce() async throws {
    try await ClientFixture.with {
      $0.connection.stream.close()
    } _: { fixture in
      guard case .unreachable(let text)? = await fixture.failure(.createPod) else {
        Issue.record("no error")
        return
      }
      #expect(text.contains(fixture.server.url))
      #expect(fixture.server.requests.count == 1)
    }
  }

  /// libcurl itself repeats a request when a kept connection turns out to be dead; not ours.
  @Test func aPostOnAKeptConnectionThatDiesIsSentOnce() async throws {
    try await ClientFixture.with { request in
      if request.method == "GET" { return request.answer(200, "{}") }
      request.connection.stream.close()
    } _: { fixture in
      _ = try await fixture.client.send(.getPod)
      let error = await fixture.failure(.createPod)
      #expect(fixture.server.requests.map(\.method) == ["GET", "POST"])
      #expect(fixture.waited.isEmpty)
      guard case .unreachable? = error else {
        Issue.record("\(String(describing: error))")
        return
      }
    }
  }

  @Test func aPutOnAConnectionThatDiesIsSentAgain() async throws {
    let answers = Answers([1, 2])
    try await ClientFixture.with { request in
      if answers.next() == nil { return request.answer(200, "{}") }
      request.connection.stream.close()
    } _: { fixture in
      _ = try await fixture.client.send(.replace(.pods, in: "ns", "p", ["kind": "Pod"]))
      #expect(fixture.server.requests.map(\.body) == Array(repeating: #"{"kind":"Pod"}"#, count: 3))
    }
  }

  @Test func aPostIsSentAgainIfThereWasNoConnection() async throws {
    try await ClientFixture.with {
      $0.answer(200, "{}")
    } _: { fixture in
      let address = fixture.server.address
      fixture.server.close()
      await turns(2)  // the listener is closed in one of them
      let error = await fixture.failure(.createPod)
      guard case .unreachable(let text)? = error else {
        Issue.record("\(String(describing: error))")
        return
      }
      #expect(text.contains("can't be reached") && text.contains("\(address)"))
      #expect(fixture.waited.count == KubernetesRetryPolicy().maxAttempts - 1)
    }
  }

  @Test(arguments: [
    "garbage\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}",
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{\"}",
    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n7x",
    "HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n" + String(repeating: " ", count: 100),
    "HTTP/1.1 200 OK\r\n\(String(repeating: "X-Y: z\r\n", count: 20_000))\r\n{}",
    "HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 307 X\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
  ])
  func hostileAnswersAreErrors(answer: String) async throws {
    try await ClientFixture.with(policy: KubernetesRetryPolicy(maxAttempts: 1)) { request in
      request.send(answer)
      request.connection.stream.endWriting()
    } _: { fixture in
      let before = fixture.server.requests.count
      let error = await fixture.failure(.getPod)
      if answer.hasSuffix("7x") {
        #expect(error == nil, "what follows the body belongs to nobody")
      } else {
        #expect(error != nil)
      }
      #expect(fixture.server.requests.count == before + 1)
    }
  }

  @Test func anAnswerBeyondTheLimitIsCutOff() async throws {
    try await ClientFixture.with { request in
      request.beginStream()
      let piece = String(repeating: " ", count: 1 << 20)
      for _ in 0..<40 { request.sendChunk(piece) }
    } _: { fixture in
      let error = await fixture.failure(.getPod)
      #expect(error == .malformed("it is larger than our limits"))
      #expect(fixture.server.requests.count == 1)
    }
  }

  @Test func aTokenThatIsRefusedIsReadAgainOnce() async throws {
    var template = Array("/tmp/xgen-token-XXXXXX".utf8CString)
    let path = template.withUnsafeMutableBufferPointer { name in
      Glibc.close(mkstemp(name.baseAddress!))
      return String(cString: name.baseAddress!)
    }
    defer { unlink(path) }
    try HostFiles.replace(path, Array("old".utf8), mode: 0o600, durable: false)
    try await ClientFixture.with(token: .file(path)) { request in
      if request.head.contains("Bearer new") { return request.answer(201, "{}") }
      request.answer(401, status(401, "Unauthorized", "Unauthorized"))
    } _: { fixture in
      #expect(await fixture.failure(.createPod) == .unauthorized("Unauthorized"))
      #expect(fixture.server.requests.count == 1, "there is no other token to try")
      try HostFiles.replace(path, Array("new".utf8), mode: 0o600, durable: false)
      #expect(try await fixture.client.send(.createPod).status == 201)
      #expect(fixture.server.requests.count == 3)
    }
  }

  @Test func closingEndsWhatHangsAndWhatWaits() async throws {
    try await ClientFixture.with { _ in
    } _: { fixture in
      let asked = LoopActor.loop.nowMs
      LoopActor.loop.after(ms: 50) { fixture.client.close() }
      #expect(await fixture.failure(.getPod) == .stopped)
      #expect(LoopActor.loop.nowMs - asked < 5_000, "it waits for no timeout")
      #expect(await fixture.failure(.getPod) == .stopped)
    }
  }

  @Test func aServerThatSaysNothingIsGivenUp() async throws {
    try await ClientFixture.with(policy: KubernetesRetryPolicy(maxAttempts: 1)) { _ in
    } _: { fixture in
      var request = KubernetesRequest.getPod
      request.timeoutMs = 60
      guard case .unreachable(let text)? = await fixture.failure(request) else {
        Issue.record("no error")
        return
      }
      #expect(text.contains("timed out"))
    }
  }

  @Test func tooMuchToDoIsAnErrorInWords() async throws {
    try await ClientFixture.with(policy: KubernetesRetryPolicy(maxAttempts: 1), maxQueued: 1) { _ in
    } _: { fixture in
      let errors = Notes()
      for _ in 0..<8 { errors.ask(fixture) }
      try await eventually("those without a place are refused") { errors.all.count >= 5 }
      fixture.client.close()
      try await eventually("the others end") { errors.all.count == 8 }
      let refused = errors.all.filter { "\($0)".contains("too much to do") }
      #expect(refused.count >= 5)
    }
  }

  @Test func listsFollowTheirPagesAndBeginAnewWhenTheyExpire() async throws {
    let expiries = Answers([1])
    try await ClientFixture.with { request in
      let page = request.target.split(separator: "continue=").last.map(String.init) ?? ""
      if page == "c2", expiries.next() != nil {
        return request.answer(410, status(410, "Expired", "the continue parameter is too old"))
      }
      let (items, next) =
        switch page {
        case "c1": ("[{\"i\":2}]", "c2")
        case "c2": ("[{\"i\":3}]", "")
        default: ("[{\"i\":1}]", "c1")
        }
      request.answer(
        200, #"{"metadata":{"resourceVersion":"9","continue":"\#(next)"},"items":\#(items)}"#)
    } _: { fixture in
      let list = try await fixture.client.list(
        KubernetesSelection(resource: .pods, namespace: "ns"), pageItems: 1)
      #expect(list.items == [["i": 1], ["i": 2], ["i": 3]] && list.resourceVersion == "9")
      #expect(fixture.server.requests.count == 6)
    }
  }

  @LoopActor
  private final class Notes {
    private(set) var all: [KubernetesError] = []

    /// Does not wait for the answer.
    func ask(_ fixture: ClientFixture) {
      LoopActor.task { await self.record(fixture) }
    }

    private func record(_ fixture: ClientFixture) async {
      if let error = await fixture.failure(.getPod) { all.append(error) }
    }
  }
}

/// Numbers that a script takes one by one.
@LoopActor
final class Answers {
  private var left: [Int]
  nonisolated init(_ numbers: [Int]) { left = numbers }
  func next() -> Int? { left.isEmpty ? nil : left.removeFirst() }
}
