import Reactor
import TestSupport
import Testing

@Suite struct HTTPClientTests {
  typealias Answer = Result<HTTPClientResponse, HTTPClientError>

  /// Makes a request over a pair of streams to a peer that a test plays by hand.
  private func exchange(
    _ request: HTTPClientRequest = HTTPClientRequest(target: "/x", host: "peer"),
    _ play: @Sendable (Loop, StreamProbe) -> Void, expect: @Sendable (Answer?) throws -> Void,
    sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    try await withLoop(sourceLocation: sourceLocation) { loop in
      let (near, far) = try SocketStream.pair(loop: loop)
      let peer = StreamProbe(far)
      var answers: [Answer] = []
      request.send(over: near) { answers.append($0) }
      #expect(answers.isEmpty)
      play(loop, peer)
      loop.run(until: { !answers.isEmpty }, sourceLocation: sourceLocation)
      loop.run(until: { near.delegate == nil }, sourceLocation: sourceLocation)
      #expect(answers.count == 1)
      try expect(answers.first)
      close(peer, on: loop)
    }
  }

  private func body(_ answer: Answer?) -> String? {
    guard case .success(let response) = answer else { return nil }
    return String(decoding: response.body, as: UTF8.self)
  }

  private func error(_ answer: Answer?) -> HTTPClientError? {
    guard case .failure(let error) = answer else { return nil }
    return error
  }

  @Test func sendsTheRequest() async throws {
    var request = HTTPClientRequest(target: "/a?b=c", host: "example:80")
    request.method = .post
    request.fields = [HTTPField(fixed: "X-Test", "1")]
    request.body = .bytes(Array("hello".utf8))
    try await exchange(request) { loop, peer in
      loop.run(until: { peer.text.hasSuffix("hello") })
      #expect(
        peer.text
          == "POST /a?b=c HTTP/1.1\r\nHost: example:80\r\nX-Test: 1\r\nContent-Length: 5\r\n"
          + "Connection: close\r\n\r\nhello")
      peer.send("HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok")
    } expect: { answer in
      #expect(body(answer) == "ok")
      try #expect(answer?.get().head.status == 201)
    }
  }

  @Test(arguments: [
    ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello"),
    ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", ""),
    ("HTTP/1.1 204 No Content\r\n\r\n", ""),
    (
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x\r\nde\r\n0\r\n\r\n",
      "abcde"
    ),
    (
      "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx",
      "x"
    ),
  ])
  func readsAnswersWholeAndByteByByte(text: String, expected: String) async throws {
    for isDripped in [false, true] {
      try await exchange { _, peer in
        if isDripped { peer.drip(text) } else { peer.send(text) }
      } expect: {
        #expect(body($0) == expected)
      }
    }
  }

  @Test func readsABodyUpToTheEndOfTheConnection() async throws {
    try await exchange { loop, peer in
      peer.send("HTTP/1.1 200 OK\r\n\r\nup to ")
      loop.turns(3)
      peer.send("the end")
      peer.stream.endWriting()
    } expect: {
      #expect(body($0) == "up to the end")
    }
  }

  @Test func expectsNoBodyForHEAD() async throws {
    var request = HTTPClientRequest(target: "/", host: "peer")
    request.method = .head
    try await exchange(request) { _, peer in
      peer.send("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n")
    } expect: {
      #expect(body($0) == "")
    }
  }

  @Test(arguments: [
    "", "HTTP/1.1 200", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
  ])
  func anAnswerCutOffIsAnError(text: String) async throws {
    try await exchange { _, peer in
      peer.send(text)
      peer.stream.endWriting()
    } expect: {
      #expect(error($0) == .closed)
    }
  }

  @Test(arguments: [
    ("SSH-2.0-x\r\n", HTTPParseError.invalidVersion),
    ("HTTP/1.1 OK\r\n\r\n", .invalidStatusLine),
    ("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", .invalidContentLength),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", .invalidChunkSize),
  ])
  func aMalformedAnswerIsAnError(text: String, expected: HTTPParseError) async throws {
    try await exchange { _, peer in
      peer.send(text)
    } expect: {
      #expect(error($0) == .malformed(expected))
    }
  }

  @Test func anAnswerThatIsTooLargeIsAnError() async throws {
    var request = HTTPClientRequest(target: "/", host: "peer")
    request.maxResponseBytes = 1000
    try await exchange(request) { _, peer in
      peer.send("HTTP/1.1 200 OK\r\n\r\n" + String(repeating: "a", count: 1001))
    } expect: {
      #expect(error($0) == .bodyTooLarge)
    }
    try await exchange(request) { _, peer in
      peer.send(
        "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + String(repeating: "a", count: 1000))
    } expect: {
      #expect(body($0)?.utf8.count == 1000)
    }
  }

  @Test(arguments: ["", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell"])
  func anAnswerThatDoesNotComeInTimeIsAnError(text: String) async throws {
    var request = HTTPClientRequest(target: "/", host: "peer")
    request.timeouts = HTTPClientTimeouts(wholeMs: 30)
    try await exchange(request) { _, peer in
      peer.send(text)
    } expect: {
      #expect(error($0) == .timedOut(.whole))
    }
  }

  @Test func aRequestThatCanNotBeWrittenIsAnError() async throws {
    try await exchange(HTTPClientRequest(target: "/a b", host: "peer")) { _, _ in
    } expect: {
      #expect(error($0) == .invalidRequest(.invalidTarget))
    }
  }

  @Test func aRefusedConnectionIsAnError() async throws {
    try await withLoop { loop in
      let deaf = DeafPort()
      var answer: Answer?
      let stream = try SocketStream.connect(loop: loop, to: deaf.address)
      HTTPClientRequest(target: "/", host: "peer").send(over: stream) { answer = $0 }
      loop.run(until: { answer != nil })
      guard case .failure(.stream(.connect)) = answer else {
        Issue.record("\(String(describing: answer))")
        return
      }
      deaf.close()
      loop.turns(3)
    }
  }

  @Test func speaksWithOurOwnServer() async throws {
    try await withLoop { loop in
      let site = try HTTPSite(loop: loop) { $0.echo() }
      let sent = [UInt8](repeating: 0x61, count: 700_000)
      var request = HTTPClientRequest(target: "/", host: "peer")
      request.method = .put
      request.body = .bytes(sent)
      request.timeouts = HTTPClientTimeouts(wholeMs: testDeadlineMs)
      var answer: Answer?
      let stream = try SocketStream.connect(loop: loop, to: site.address)
      request.send(over: stream) { answer = $0 }
      loop.run(until: { answer != nil })
      try #expect(answer?.get().body == sent)
      site.close()
    }
  }
}
