import Testing

@testable import Reactor

@Suite struct PeerCounterTests {
  private func key(_ text: String) -> PeerCounter.Key? {
    SocketAddress(parsing: text).flatMap { PeerCounter.Key($0) }
  }

  @Test func countsEachPeerUpToTheLimit() {
    var counter = PeerCounter()
    let one = key("192.0.2.1:1")
    let other = key("192.0.2.2:1")
    // `#expect` can't call what mutates.
    let added = [one, one, one, other].map { counter.add($0, atMost: 2) }
    #expect(added == [true, true, false, true])
    counter.remove(one)
    let isAddedAgain = counter.add(one, atMost: 2)
    #expect(isAddedAgain)
  }

  @Test func doesNotCountLoopbackAndUnixSockets() {
    for text in ["127.0.0.1:1", "[::1]:1", "[::ffff:127.0.0.1]:1", "unix:/tmp/x"] {
      #expect(key(text) == nil, "\(text)")
    }
  }

  @Test func takesTheAddressesOfOneNetworkForOnePeer() {
    #expect(key("[2001:db8::1]:1") == key("[2001:db8::2]:9"))
    #expect(key("[2001:db8:0:1::1]:1") != key("[2001:db8::1]:1"))
    #expect(key("192.0.2.1:1") == key("[::ffff:192.0.2.1]:2"))
    #expect(key("192.0.2.1:1") != key("192.0.2.2:1"))
  }
}
