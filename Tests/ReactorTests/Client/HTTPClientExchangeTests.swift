import Reactor
import TestSupport
import Testing

@Suite struct HTTPClientExchangeTests {
  // MARK: The request's body

  @Test(arguments: [
    (HTTPClientRequest.Body.stream(length: 6), "Content-Length: 6\r\n\r\nabcdef"),
    (.stream(length: nil), "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n"),
    (.bytes(Array("abcdef".utf8)), "Content-Length: 6\r\n\r\nabcdef"),
    (.bytes([]), "Content-Length: 0\r\n\r\n"),
    (.stream(length: 0), "Content-Length: 0\r\n\r\n"),
  ])
  func aBodyGoesOutAsItWasTold(body: HTTPClientRequest.Body, expected: String) async throws {
    try await HTTPClientSite.with { site, loop in
      let probe = ExchangeProbe(.post(body))
      site.pool.start(probe.exchange, to: "a")
      for piece in ["abc", "", "def"] {
        probe.exchange.write(Array(piece.utf8))
        loop.turns(2)
      }
      probe.exchange.endBody()
      let whole = "POST / HTTP/1.1\r\nHost: peer\r\n" + expected
      loop.run(until: { site.peers.first?.text == whole })
      site.peers[0].send(okay("ok"))
      loop.run(until: { probe.isOver })
      #expect(probe.errors == [nil] && probe.text == "ok" && site.pool.idleCount == 1)
      probe.exchange.write([1])  // ignored, as is what follows
      probe.exchange.endBody()
      probe.exchange.cancel()
      loop.turns(3)
      #expect(site.pool.idleCount == 1)
    }
  }

  @Test func noByteBeyondTheToldLengthIsSent() async throws {
    try await HTTPClientSite.with { site, loop in
      let probe = ExchangeProbe(.post(.stream(length: 4)))
      site.pool.start(probe.exchange, to: "a")
      probe.exchange.write(Array("abcGET /smuggled".utf8))
      probe.exchange.endBody()
      loop.run(until: { site.peers.first?.text.hasSuffix("\r\n\r\nabcG") == true })
      site.peers[0].send(okay("ok"))
      loop.run(until: { probe.isOver })
      #expect(site.peers[0].text.hasSuffix("\r\n\r\nabcG"))
    }
  }

  @Test func aBodyThatEndsBeforeItsToldLengthIsAnError() async throws {
    try await HTTPClientSite.with { site, loop in
      let probe = ExchangeProbe(.post(.stream(length: 10)))
      site.pool.start(probe.exchange, to: "a")
      probe.exchange.write([1, 2, 3])
      probe.exchange.endBody()
      #expect(!probe.isOver)  // never within the call
      loop.run(until: { probe.isOver })
      #expect(probe.errors == [.invalidRequest(.invalidContentLength)])
    }
  }

  @Test func noTunnelIsAskedFor() async throws {
    try await HTTPClientSite.with { site, loop in
      var request = HTTPClientRequest.get
      request.method = .connect
      site.ask(request)
      loop.run(until: { site.answers.count == 1 })
      #expect(site.latestError == .invalidRequest(.invalidMethod))
    }
  }

  // MARK: An answer before the request's end

  @Test func anAnswerBeforeTheRequestsEndIsDeliveredAndTheLast() async throws {
    try await HTTPClientSite.with { site, loop in
      let probe = ExchangeProbe(.post(.stream(length: nil)))
      site.pool.start(probe.exchange, to: "a")
      probe.exchange.write([1, 2, 3])
      site.request(on: 0).send(response("413 Content Too Large", ["Content-Length: 2"], "no"))
      loop.run(until: { probe.isOver })
      #expect(probe.errors == [nil] && probe.head?.status == 413 && probe.text == "no")
      #expect(site.pool.idleCount == 0)
      probe.exchange.write([4, 5, 6])
      site.serve(okay("next"), on: 1)
      #expect(site.latest == "next")
    }
  }

  @Test(arguments: [false, true])
  func anAnswerToABodyThatThePeerDoesNotReadIsDelivered(isReset: Bool) async throws {
    try await HTTPClientSite.with { site, loop in
      let request = HTTPClientRequest.post(.bytes([UInt8](repeating: 7, count: 16 << 20)))
      let probe = ExchangeProbe(request)
      site.pool.start(probe.exchange, to: "a")
      loop.run(until: { !site.peers.isEmpty })
      let peer = site.peers[0]
      peer.stream.pauseReading()
      peer.send(response("413 Content Too Large", ["Content-Length: 2"], "no"))
      if isReset { peer.stream.close() }  // with unread bytes, so that it resets
      loop.run(until: { probe.isOver })
      #expect(probe.errors == [nil] && probe.head?.status == 413 && probe.text == "no")
    }
  }

  @Test func bothDirectionsMayFlowAtOnce() async throws {
    try await withLoop { loop in
      let site = try HTTPSite(loop: loop) { exchange in
        exchange.startResponse(200)
        exchange.readBody {
          exchange.write($0)
        } onEnd: { _ in
          exchange.end()
        }
      }
      let probe = ExchangeProbe(.post(.stream(length: nil)))
      probe.exchange.start(over: try SocketStream.connect(loop: loop, to: site.address))
      for piece in ["ping", "pong"] {
        let count = probe.body.count
        probe.exchange.write(Array(piece.utf8))
        loop.run(until: { probe.body.count == count + 4 })
      }
      probe.exchange.endBody()
      loop.run(until: { probe.isOver })
      #expect(probe.text == "pingpong" && probe.errors == [nil])
      site.close()
    }
  }

  // MARK: Pausing

  @Test func noPieceComesWhileReadingIsPaused() async throws {
    try await HTTPClientSite.with { site, loop in
      let probe = ExchangeProbe()
      site.pool.start(probe.exchange, to: "a")
      probe.onHead = { [unowned probe] in probe.exchange.pauseReading() }
      probe.onPiece = { [unowned probe] in probe.exchange.pauseReading() }
      site.request(on: 0).send(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
          + "1\r\na\r\n1\r\nb\r\n1\r\nc\r\n0\r\n\r\n")
      loop.run(until: { probe.head != nil })
      for expected in ["", "a", "ab", "abc"] {
        loop.turns(5)
        #expect(probe.text == expected && !probe.isOver)
        probe.exchange.resumeReading()
        #expect(probe.text == expected)  // never within the call
      }
      loop.run(until: { probe.isOver })
      #expect(probe.errors == [nil] && site.pool.idleCount == 1)
    }
  }

  // MARK: Upgrades

  @Test func anUpgradeHandsTheStreamOverWithWhatCameBehindIt() async throws {
    try await HTTPClientSite.with { site, loop in
      var request = HTTPClientRequest.get
      request.fields = [
        HTTPField(fixed: "Upgrade", "x"), HTTPField(fixed: "Connection", "Upgrade"),
      ]
      request.asksUpgrade = true
      site.serve(on: 0, request)  // refused: the connection goes on
      let probe = ExchangeProbe(request)
      site.pool.start(probe.exchange, to: "a")
      let peer = site.request(on: 0)
      peer.send(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nfirst words")
      loop.run(until: { probe.isOver })
      let upgrade = try #require(probe.upgrade)
      #expect(probe.head?.isUpgrade == true && probe.errors.isEmpty)
      #expect(upgrade.leftover.withReadable { Array($0) } == Array("first words".utf8))
      #expect(site.pool.connectionCount == 0)
      let end = StreamProbe(upgrade.stream)
      peer.send(" and more")
      loop.run(until: { end.text == " and more" })
      close(end, on: loop)
    }
  }

  // MARK: Cancelling

  @Test(arguments: [
    "", "HTTP/1.1 200 OK\r\nConte", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel",
  ])
  func aCancelledExchangeTellsNothingAndLeavesNothing(text: String) async throws {
    for isEarly in [true, false] {
      try await HTTPClientSite.with { site, loop in
        let probe = ExchangeProbe(.post(.stream(length: nil)))
        site.pool.start(probe.exchange, to: "a")
        if !isEarly {  // else while it connects
          site.request(on: 0).send(text)
          loop.turns(5)
        }
        let (count, hadHead) = (probe.body.count, probe.head != nil)
        probe.exchange.write([UInt8](repeating: 1, count: 1 << 20))
        probe.exchange.cancel()
        probe.exchange.cancel()
        probe.exchange.resumeReading()
        loop.run(until: { site.pool.connectionCount == 0 })
        loop.turns(3)
        #expect(!probe.isOver && probe.body.count == count && (probe.head != nil) == hadHead)
      }
    }
  }

  @Test func oneThatIsCancelledBeforeItStartsIsNeverSent() async throws {
    try await HTTPClientSite.with { site, loop in
      let probe = ExchangeProbe()
      probe.exchange.cancel()
      site.pool.start(probe.exchange, to: "a")
      let (near, far) = try SocketStream.pair(loop: loop)
      let peer = StreamProbe(far)
      probe.exchange.start(over: near)
      loop.run(until: { peer.hasEnded })
      #expect(site.dialed.isEmpty && peer.bytes.isEmpty && !probe.isOver)
      close(peer, on: loop)
    }
  }

  @Test(arguments: [false, true])
  func anExchangeMayBeCancelledWithinItsOwnCallbacks(atHead: Bool) async throws {
    try await HTTPClientSite.with { site, loop in
      let probe = ExchangeProbe()
      if atHead {
        probe.onHead = { [unowned probe] in probe.exchange.cancel() }
      } else {
        probe.onPiece = { [unowned probe] in probe.exchange.cancel() }
      }
      site.pool.start(probe.exchange, to: "a")
      site.request(on: 0).send(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n1\r\nb\r\n0\r\n\r\n")
      loop.run(until: { site.pool.connectionCount == 0 && probe.head != nil })
      #expect(probe.text == (atHead ? "" : "a") && !probe.isOver && site.pool.idleCount == 0)
    }
  }

  @Test func theNextRequestMayBeMadeWithinTheEndOfTheLast() async throws {
    try await HTTPClientSite.with { site, loop in
      let (first, second) = (ExchangeProbe(), ExchangeProbe())
      first.exchange.onEnd = { _ in site.pool.start(second.exchange, to: "a") }
      site.pool.start(first.exchange, to: "a")
      site.request(on: 0).send(okay("one"))
      loop.run(until: { !first.body.isEmpty })
      site.request(on: 0).send(okay("two"))
      loop.run(until: { second.isOver })
      #expect(second.text == "two" && site.dialed.count == 1)
    }
  }
}
