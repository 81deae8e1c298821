import Reactor
import TestSupport
import Testing

/// The RFC's own example (§1.3): the nonce, and the answer to it.
private let nonce = Array("the sample nonce".utf8).withUnsafeBytes {
  ($0.loadUnaligned(as: UInt64.self), $0.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
}
private let accepting =
  "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
  + "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"

@Suite struct WebSocketClientTests {
  typealias Answer = Result<HTTPUpgrade, HTTPClientError>

  /// Opens a WebSocket over a pair of streams to a server that a test plays by hand.
  private func handshake(
    timeoutMs: UInt64 = 10_000, target: String = "/ws",
    _ play: @Sendable (Loop, StreamProbe) -> Void,
    expect: @Sendable (Loop, StreamProbe, Answer?) throws -> Void,
    sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    try await withLoop(sourceLocation: sourceLocation) { loop in
      let (near, far) = try SocketStream.pair(loop: loop)
      let peer = StreamProbe(far)
      var answers: [Answer] = []
      WebSocketClientHandshake(
        near, target: target, host: "test:1", fields: [HTTPField(fixed: "X-Token", "t")],
        subprotocols: ["v1", "v2"], nonce: nonce, timeoutMs: timeoutMs
      ) { answers.append($0) }
      play(loop, peer)
      loop.run(until: { !answers.isEmpty }, sourceLocation: sourceLocation)
      loop.turns(3)
      #expect(answers.count == 1)
      try expect(loop, peer, answers.first)
      near.close()
      loop.turns(3)
      close(peer, on: loop)
    }
  }

  private func error(_ answer: Answer?) -> HTTPClientError? {
    guard case .failure(let error) = answer else { return nil }
    return error
  }

  @Test func sendsTheRequest() async throws {
    try await handshake { loop, peer in
      loop.run(until: { peer.text.hasSuffix("\r\n\r\n") })
      #expect(
        peer.text
          == "GET /ws HTTP/1.1\r\nHost: test:1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
          + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
          + "Sec-WebSocket-Protocol: v1, v2\r\nX-Token: t\r\n\r\n")
      peer.send(accepting + "\r\n")
    } expect: { _, _, answer in
      #expect(error(answer) == nil)
    }
  }

  @Test(arguments: [false, true])
  func handsOverTheFramesThatComeBehindTheAnswer(isDripped: Bool) async throws {
    let frames = rawFrame(1, utf8("ready")) + rawFrame(2, [1, 2, 3])
    try await handshake { _, peer in
      let bytes = utf8(accepting + "Sec-WebSocket-Protocol: v2\r\n\r\n") + frames
      if isDripped { peer.drip(bytes) } else { peer.send(bytes) }
    } expect: { loop, peer, answer in
      let upgrade = try #require(answer).get()
      #expect(!upgrade.stream.isClosing)
      let leftover = upgrade.leftover.withReadable { [UInt8]($0) }
      #expect(leftover == (isDripped ? [] : frames))
      let probe = WebSocketProbe()
      let socket = WebSocketConnection(
        stream: upgrade.stream, role: .client, maxMessageBytes: 100, maskSeed: 1, delegate: probe)
      socket.start(leftover: upgrade.takeLeftover())
      loop.run(until: { probe.messages.count == 2 })
      #expect(probe.messages == [.text("ready"), .binary([1, 2, 3])])
      socket.abort()
      loop.run(until: { probe.isClosed })
    }
  }

  @Test func anInterimAnswerIsNotTheAnswer() async throws {
    try await handshake { _, peer in
      peer.send("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + accepting + "\r\n")
    } expect: { _, _, answer in
      #expect(error(answer) == nil)
    }
  }

  @Test(arguments: [
    ("Content-Length: 5\r\n\r\nno no", "no no"), ("Content-Length: 0\r\n\r\n", ""),
    ("Transfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n", "no"),
  ])
  func aRefusalCarriesItsStatusAndBody(rest: String, body: String) async throws {
    for isDripped in [false, true] {
      try await handshake { _, peer in
        let text = "HTTP/1.1 403 Forbidden\r\n" + rest
        if isDripped { peer.drip(text) } else { peer.send(text) }
      } expect: { _, _, answer in
        #expect(error(answer) == .refused(status: 403, body: body))
      }
    }
  }

  @Test func aRefusalsBodyMayEndWithTheConnectionAndIsCutWhenLong() async throws {
    try await handshake { _, peer in
      peer.send("HTTP/1.1 503 Busy\r\n\r\ntry later")
      peer.stream.endWriting()
    } expect: { _, _, answer in
      #expect(error(answer) == .refused(status: 503, body: "try later"))
    }
    try await handshake { _, peer in
      peer.send("HTTP/1.1 500 Oops\r\n\r\n" + String(repeating: "x", count: 100_000))
    } expect: { _, _, answer in
      guard case .refused(500, let body)? = error(answer) else {
        Issue.record("\(String(describing: answer))")
        return
      }
      #expect((1024...2048).contains(body.utf8.count))
    }
  }

  @Test func aWrongAnswerIsAnError() async throws {
    let cases: [(String, HTTPClientError)] = [
      (accepting.replacing("s3pP", with: "XXXX") + "\r\n", .handshake(.wrongAccept)),
      (
        accepting.replacing("websocket", with: "h2c") + "\r\n",
        .handshake(.noUpgrade)
      ),
      (accepting + "Sec-WebSocket-Protocol: v3\r\n\r\n", .handshake(.subprotocolNotOffered)),
      (
        accepting + "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
        .handshake(.extensionNotOffered)
      ),
      ("SSH-2.0-x\r\n", .malformed(.invalidVersion)),
    ]
    for (text, expected) in cases {
      try await handshake { _, peer in
        peer.send(text)
      } expect: { loop, peer, answer in
        #expect(error(answer) == expected)
        loop.run(until: { peer.hasEnded || peer.isClosed })
      }
    }
  }

  @Test func anAnswerThatDoesNotComeIsAnError() async throws {
    try await handshake(timeoutMs: 20) { _, _ in
    } expect: { _, _, answer in
      #expect(error(answer) == .timedOut(.whole))
    }
    try await handshake { _, peer in
      peer.send("HTTP/1.1 101 Switch")
      peer.stream.endWriting()
    } expect: { _, _, answer in
      #expect(error(answer) == .closed)
    }
  }

  @Test func aRequestThatCanNotBeWrittenIsAnError() async throws {
    try await handshake(target: "/a b") { _, _ in
    } expect: { _, _, answer in
      #expect(error(answer) == .invalidRequest(.invalidTarget))
    }
  }

  @Test func theServerChoosesASubprotocolAndRefusesWhatIsNoWebSocket() async throws {
    try await withLoop { loop in
      let site = try EchoSite(loop: loop)
      let client = try site.site.connect()
      let handshake = [
        "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Protocol: x, v2",
      ]
      func ask(_ fields: [String], until end: String) -> String {
        site.site.ask(
          client, (["GET / HTTP/1.1", "Host: x"] + fields).joined(separator: "\r\n") + "\r\n\r\n",
          until: end)
      }
      #expect(ask([], until: "websocket").contains("HTTP/1.1 426 Upgrade Required\r\n"))
      let wrongVersion = ask(
        handshake.map { $0.replacing("13", with: "8") }, until: "is not 13")
      #expect(wrongVersion.contains("Sec-WebSocket-Version: 13\r\n"))
      let noKey = ask(handshake.filter { !$0.contains("Key") }, until: "16 bytes")
      #expect(noKey.hasPrefix("HTTP/1.1 400 "))
      let accepted = ask(handshake, until: "\r\n\r\n")
      #expect(accepted == accepting + "Sec-WebSocket-Protocol: v2\r\n\r\n")
      client.stream.close()
      loop.run(until: { site.sockets.first?.isClosed == true })
      site.close()
    }
  }
}
