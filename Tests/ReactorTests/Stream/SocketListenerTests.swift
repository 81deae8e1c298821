import Glibc
import Reactor
import TestSupport
import Testing

@Suite struct SocketListenerTests {
  @Test func portZeroBecomesARealOne() async throws {
    try await withLoop { loop in
      let first = try SocketListener.listen(loop: loop, at: .loopback(port: 0)) { _ in }
      let second = try SocketListener.listen(loop: loop, at: .loopback(port: 0)) { _ in }
      #expect(first.address.port != 0)
      #expect(first.address.port != second.address.port)
      #expect(first.address.host == "127.0.0.1")
      first.close()
      first.close()
      second.close()
    }
  }

  @Test func anAddressInUseIsRefused() async throws {
    try await withLoop { loop in
      let first = try SocketListener.listen(loop: loop, at: .loopback(port: 0)) { _ in }
      #expect(throws: UVError(-EADDRINUSE)) {
        try SocketListener.listen(loop: loop, at: first.address) { _ in }
      }
      first.close()
    }
  }

  @Test func pausingLeavesConnectionsInTheQueue() async throws {
    try await withLoop { loop in
      var accepted: [StreamProbe] = []
      let listener = try SocketListener.listen(loop: loop, at: .loopback(port: 0)) {
        accepted.append(StreamProbe($0))
      }
      listener.pause()
      #expect(listener.isPaused)
      let clients = try (0..<5).map { _ in
        StreamProbe(try SocketStream.connect(loop: loop, to: listener.address))
      }
      loop.run(until: { clients.allSatisfy { $0.isConnected } })
      loop.turns(10)
      #expect(accepted.isEmpty)
      listener.resume()
      loop.run(until: { accepted.count == 5 })
      listener.close()
      for probe in clients + accepted { close(probe, on: loop) }
    }
  }

  @Test func pausingInTheCallbackStopsAtThatConnection() async throws {
    try await withLoop { loop in
      var accepted: [StreamProbe] = []
      var listener: SocketListener?
      listener = try SocketListener.listen(loop: loop, at: .loopback(port: 0)) {
        accepted.append(StreamProbe($0))
        listener?.pause()
      }
      let address = try #require(listener?.address)
      let clients = try (0..<3).map { _ in
        StreamProbe(try SocketStream.connect(loop: loop, to: address))
      }
      loop.run(until: { clients.allSatisfy { $0.isConnected } })
      for count in 1...3 {
        loop.run(until: { accepted.count == count })
        loop.turns(5)
        #expect(accepted.count == count)
        listener?.resume()
      }
      listener?.close()
      listener = nil
      for probe in clients + accepted { close(probe, on: loop) }
    }
  }

  @Test func closingInTheCallbackAcceptsNoMore() async throws {
    try await withLoop { loop in
      var accepted: [StreamProbe] = []
      var listener: SocketListener?
      listener = try SocketListener.listen(loop: loop, at: .loopback(port: 0)) {
        accepted.append(StreamProbe($0))
        listener?.close()
      }
      let address = try #require(listener?.address)
      listener?.pause()
      let clients = try (0..<3).map { _ in
        StreamProbe(try SocketStream.connect(loop: loop, to: address))
      }
      loop.run(until: { clients.allSatisfy { $0.isConnected } })
      listener?.resume()
      loop.run(until: { accepted.count == 1 })
      loop.turns(10)
      #expect(accepted.count == 1)
      listener = nil
      for probe in clients + accepted { close(probe, on: loop) }
    }
  }

  @Test func peersThatVanishAreProbedFor() async throws {
    try await withLoop { loop in
      var stream: SocketStream?
      let listener = try SocketListener.listen(loop: loop, at: .loopback(port: 0)) { stream = $0 }
      let client = StreamProbe(try SocketStream.connect(loop: loop, to: listener.address))
      loop.run(until: { stream != nil })
      let accepted = try #require(stream)
      func option(_ level: Int32, _ name: Int32) -> Int32 {
        var value: Int32 = -1
        var size = socklen_t(MemoryLayout<Int32>.size)
        getsockopt(accepted.descriptor, level, name, &value, &size)
        return value
      }
      #expect(option(SOL_SOCKET, SO_KEEPALIVE) == 1)
      let seconds = [TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT].map {
        option(Int32(IPPROTO_TCP), $0)
      }
      #expect(seconds == [60, 15, 4])
      listener.close()
      close(client, StreamProbe(accepted), on: loop)
    }
  }

  @Test func adoptsADescriptorThatListens() async throws {
    try await withLoop { loop in
      try withTemporaryDirectory { directory in
        let address = SocketAddress.unix(path: directory + "/s")
        let descriptor = try SocketListener.bindAndListen(address)
        let client = StreamProbe(try SocketStream.connect(loop: loop, to: address))
        client.send("early")
        var server: StreamProbe?
        let listener = try SocketListener(loop: loop, adopting: descriptor, address: address) {
          server = StreamProbe($0)
        }
        loop.run(until: { server?.text == "early" })
        listener.close()
        close(client, try #require(server), on: loop)
      }
    }
  }

  @Test func anExistingPathIsRefused() async throws {
    try await withLoop { loop in
      try withTemporaryDirectory { directory in
        let address = SocketAddress.unix(path: directory + "/s")
        let listener = try SocketListener.listen(loop: loop, at: address) { _ in }
        #expect(throws: UVError(-EADDRINUSE)) {
          try SocketListener.listen(loop: loop, at: address) { _ in }
        }
        listener.close()
      }
    }
  }

  @Test func everyFamilyIsServedAtTheEmptyHost() async throws {
    try await withLoop { loop in
      var count = 0
      let any = try #require(SocketAddress(parsing: ":0"))
      guard
        let listener = try? SocketListener.listen(
          loop: loop, at: any,
          {
            count += 1
            $0.close()
          })
      else { return }  // no IPv6 here
      let port = try #require(listener.address.port)
      let client = StreamProbe(try SocketStream.connect(loop: loop, to: .loopback(port: port)))
      loop.run(until: { count == 1 })
      listener.close()
      close(client, on: loop)
    }
  }

  /// In a process of its own, which is the one that runs out of descriptors.
  @Test func withoutDescriptorsWaitingPeersAreDroppedAndLaterOnesServed() async {
    await #expect(processExitsWith: .success) {
      try await withLoop { loop in
        var accepted: [StreamProbe] = []
        let listener = try SocketListener.listen(loop: loop, at: .loopback(port: 0)) {
          accepted.append(StreamProbe($0))
        }
        let dropped = StreamProbe(try SocketStream.connect(loop: loop, to: listener.address))
        var fillers: [Int32] = []
        while true {
          let filler = dup(0)
          if filler < 0 { break }
          fillers.append(filler)
        }
        #expect(errno == EMFILE)
        loop.run(until: { dropped.hasEnded || dropped.isClosed })
        #expect(accepted.isEmpty)
        for filler in fillers { Glibc.close(filler) }
        let served = StreamProbe(try SocketStream.connect(loop: loop, to: listener.address))
        loop.run(until: { accepted.count == 1 })
        listener.close()
        for probe in accepted + [dropped, served] { close(probe, on: loop) }
      }
    }
  }
}
