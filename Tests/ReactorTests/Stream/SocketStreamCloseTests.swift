import Glibc
import Reactor
import TestSupport
import Testing

@Suite struct SocketStreamCloseTests {
  @Test func closeDropsWhatIsPendingAndReportsOnceLater() async throws {
    try await withPair { loop, near, far in
      far.stream.pauseReading()
      near.send([UInt8](repeating: 1, count: 4_000_000))
      #expect(near.stream.pendingByteCount > 0)
      near.stream.close()
      near.stream.close(.timedOut("twice"))
      #expect(near.stream.isClosing)
      #expect(near.stream.pendingByteCount == 0)
      #expect(near.closeCount == 0)
      near.send("ignored")
      near.stream.endWriting()
      near.stream.resumeReading()
      loop.run(until: { near.isClosed })
      #expect(near.error == nil)
      #expect(near.stream.delegate == nil)
    }
  }

  @Test func closeReportsTheReasonItWasGiven() async throws {
    try await withPair { loop, near, _ in
      near.stream.close(.timedOut("test"))
      loop.run(until: { near.isClosed })
      #expect(near.error == .timedOut("test"))
    }
  }

  @Test func closeWithinTheReadCallbackReadsNoMore() async throws {
    try await withPair { loop, near, far in
      far.onReceive = { far.stream.close() }
      near.send([UInt8](repeating: 1, count: 200_000))
      loop.run(until: { far.isClosed })
      #expect(far.readCounts.count == 1)
    }
  }

  @Test func aClosedStreamIsFreed() async throws {
    try await withLoop { loop in
      weak var weakStream: SocketStream?
      do {
        let (a, b) = try SocketStream.pair(loop: loop)
        weakStream = a
        let (near, far) = (StreamProbe(a), StreamProbe(b))
        near.send([UInt8](repeating: 1, count: 1_000_000))
        close(near, far, on: loop)
      }
      #expect(weakStream == nil)
    }
  }

  @Test func writingToAClosedPeerFails() async throws {
    try await withPair { loop, near, far in
      far.stream.close()
      loop.run(until: { far.isClosed })
      near.stream.pauseReading()
      near.send("nobody reads this")
      loop.run(until: { near.isClosed })
      #expect(near.error == .write(UVError(-EPIPE)))
    }
  }

  @Test func theFailureOfAPendingWriteClosesTheStream() async throws {
    try await withPair { loop, near, far in
      near.stream.pauseReading()
      far.stream.pauseReading()
      near.send([UInt8](repeating: 1, count: 4_000_000))
      #expect(near.stream.pendingByteCount > 0)
      far.stream.close()
      loop.run(until: { near.isClosed })
      guard case .write = near.error else {
        Issue.record("\(String(describing: near.error))")
        return
      }
    }
  }

  @Test func aResetIsReportedToWhoReads() async throws {
    try await withTCP { loop, client, server in
      resetOnClose(server)
      server.stream.close()
      loop.run(until: { client.isClosed })
      #expect(client.error == .read(.connectionReset))
    }
  }

  @Test func aResetIsReportedToWhoseWritesAreStuck() async throws {
    try await withTCP { loop, client, server in
      client.stream.pauseReading()
      server.stream.pauseReading()
      client.send([UInt8](repeating: 1, count: 16_000_000))
      loop.turns(5)
      #expect(client.stream.pendingByteCount > 0)
      resetOnClose(server)
      server.stream.close()
      loop.run(until: { client.isClosed })
      guard case .write(let error) = client.error else {
        Issue.record("\(String(describing: client.error))")
        return
      }
      #expect([-ECONNRESET, -EPIPE].contains(error.code))
    }
  }

  @Test func aPipeWithoutReaderFails() async throws {
    try await withLoop { loop in
      let ends = makePipe()
      let writer = StreamProbe(
        try SocketStream(loop: loop, descriptor: ends.writer, kind: .pipe), reads: false)
      writer.send([UInt8](repeating: 3, count: 500_000))
      #expect(writer.stream.pendingByteCount > 0)
      Glibc.close(ends.reader)
      loop.run(until: { writer.isClosed })
      #expect(writer.error == .write(UVError(-EPIPE)))
    }
  }

  @Test func aDescriptorThatCanNotBePolledIsClosed() async throws {
    try await withLoop { loop in
      let file = open("/etc/passwd", O_RDONLY | O_CLOEXEC)
      #expect(throws: UVError.self) { try SocketStream(loop: loop, descriptor: file) }
    }
  }

  /// Closing sends a RST instead of a FIN.
  private func resetOnClose(_ probe: StreamProbe) {
    guard let stream = probe.stream as? SocketStream else { return }
    var linger = Glibc.linger(l_onoff: 1, l_linger: 0)
    let size = socklen_t(MemoryLayout<Glibc.linger>.size)
    setsockopt(stream.descriptor, SOL_SOCKET, SO_LINGER, &linger, size)
  }
}
