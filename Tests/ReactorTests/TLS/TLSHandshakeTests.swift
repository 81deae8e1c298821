import Glibc
import Reactor
import ReactorTLS
import TestSupport
import Testing

/// The handshake between two engines, without sockets.
@Suite struct TLSHandshakeTests {
  private let fixture = TLSFixture.shared

  @Test(arguments: TLSFixture.Key.allCases, [TLSVersion.tls12, .tls13])
  func agreesWithEitherKeyInEitherVersion(key: TLSFixture.Key, version: TLSVersion) throws {
    let pair = try TLSPair(key, version)
    #expect(pair.client.engine.version == nil)
    try pair.handshake()
    #expect(pair.client.engine.version == version)
    #expect(pair.server.engine.version == version)
    #expect(pair.server.engine.applicationProtocol == "http/1.1")
    #expect(try pair.passesBytes())
  }

  @Test(arguments: [TLSVersion.tls12, .tls13])
  func agreesWhenBytesComeOneByOne(version: TLSVersion) throws {
    let pair = try TLSPair(.ecdsa, version)
    pair.cut = { flight in flight.indices.map { flight[$0...$0] } }
    try pair.handshake()
    #expect(try pair.passesBytes())
  }

  @Test(arguments: [TLSVersion.tls12, .tls13])
  func agreesHoweverAFlightIsSplit(version: TLSVersion) throws {
    let fixture = TLSFixture.shared
    let (client, server) = (try fixture.client(only: version), try fixture.server())
    let measured = TLSPair(client: client, server: server)
    try measured.handshake()
    for offset in 1..<measured.longestFlight {
      let pair = TLSPair(client: client, server: server)
      pair.cut = { [$0.prefix(offset), $0.dropFirst(offset)] }
      try pair.handshake()
      let passes = try pair.passesBytes()
      #expect(passes, "split at \(offset)")
    }
    #expect(client.engineCount == 1)
    #expect(server.engineCount == 1)
  }

  @Test func plaintextBehindTheLastFlightIsReadWithIt() throws {
    let pair = try TLSPair()
    _ = try pair.client.engine.handshake()
    try pair.carry(from: pair.client, to: pair.server)
    try pair.carry(from: pair.server, to: pair.client)
    try pair.client.write(Array("at once".utf8))
    try pair.carry(from: pair.client, to: pair.server)
    #expect(pair.server.bytes == Array("at once".utf8))
  }

  @Test func aClientWithoutALPNIsServed() throws {
    let client = try fixture.client { $0.protocols = [] }
    let pair = TLSPair(client: client, server: try fixture.server())
    try pair.handshake()
    #expect(pair.server.engine.applicationProtocol == nil)
    #expect(try pair.passesBytes())
  }

  @Test func http11IsChosenAmongOthers() throws {
    let client = try fixture.client { $0.protocols = ["h2", "http/1.1", "http/1.0"] }
    let pair = TLSPair(client: client, server: try fixture.server())
    try pair.handshake()
    #expect(pair.client.engine.applicationProtocol == "http/1.1")
  }

  @Test(arguments: [TLSVersion.tls12, .tls13])
  func aClientOfOtherProtocolsOnlyGetsTheAlert(version: TLSVersion) throws {
    let client = try fixture.client {
      $0.protocols = ["h2", "http/1.10", "http/1."]
      $0.versions = version...version
    }
    let pair = TLSPair(client: client, server: try fixture.server())
    _ = try pair.client.engine.handshake()
    #expect(throws: TLSError.handshake("no application protocol")) {
      try pair.carry(from: pair.client, to: pair.server)
    }
    #expect(throws: TLSError.handshake("tlsv1 alert no application protocol")) {
      try pair.carry(from: pair.server, to: pair.client)
    }
    #expect(pair.server.engine.state == .closed)
  }

  @Test func aServerNameIsNotNeeded() throws {
    let client = try fixture.client { $0.verifiesPeer = false }
    let pair = TLSPair(client: client, server: try fixture.server(), serverName: nil)
    try pair.handshake()
    #expect(try pair.passesBytes())
  }

  @Test func aClientAcceptsTheAddressInTheCertificate() throws {
    let pair = TLSPair(
      client: try fixture.client(), server: try fixture.server(), serverName: "127.0.0.1")
    try pair.handshake()
    #expect(try pair.passesBytes())
  }

  @Test(arguments: ["example.com", "127.0.0.2"])
  func aClientRefusesACertificateForAnotherName(name: String) throws {
    let pair = TLSPair(client: try fixture.client(), server: try fixture.server(), serverName: name)
    let error = #expect(throws: TLSError.self) { try pair.handshake() }
    #expect("\(error!)".contains("mismatch"))
  }

  @Test func aClientRefusesAnAuthorityThatItDoesNotTrust() throws {
    let client = try TLSContext(client: TLSClientOptions())
    let pair = TLSPair(client: client, server: try fixture.server())
    let error = #expect(throws: TLSError.self) { try pair.handshake() }
    #expect("\(error!)".contains("certificate verify failed: self-signed certificate in"))
  }

  @Test(arguments: [TLSVersion.tls12, .tls13])
  func aSessionIsResumedByItsTicket(version: TLSVersion) throws {
    let (client, server) = (try fixture.client(only: version), try fixture.server())
    let first = TLSPair(client: client, server: server)
    try first.handshake()
    #expect(!first.server.engine.isResumed)
    let session = try #require(first.client.engine.session())
    let second = TLSPair(client: client, server: server, resuming: session)
    try second.handshake()
    #expect(second.client.engine.isResumed)
    #expect(second.server.engine.isResumed)
    #expect(try second.passesBytes())
  }

  @Test func anotherServersTicketLeadsToAFullHandshake() throws {
    let client = try fixture.client()
    let first = TLSPair(client: client, server: try fixture.server())
    try first.handshake()
    let session = try #require(first.client.engine.session())
    let second = TLSPair(client: client, server: try fixture.server(), resuming: session)
    try second.handshake()
    #expect(!second.server.engine.isResumed)
    #expect(try second.passesBytes())
  }

  @Test(arguments: [
    "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "\0\0\0\0\0\0\0\0\0\0\0\0", "SSH-2.0-OpenSSH_9.2\r\n",
    "\u{16}\u{3}\u{1}\0\u{5}hello",
  ])
  func garbageIsRefused(text: String) throws {
    let engine = TLSEngine(try fixture.server())
    let end = TLSPair.End(engine)
    #expect(throws: TLSError.self) { try end.feed(Array(text.utf8)[...]) }
    #expect(engine.state == .closed)
    #expect(throws: TLSError.self) { _ = try engine.handshake() }
    engine.shutDown()
  }

  @Test func randomBytesNeverOpenTheEngine() throws {
    var random = SplitMix64(seed: 11)
    let server = try fixture.server()
    for _ in 0..<500 {
      let end = TLSPair.End(TLSEngine(server))
      // The start of a handshake record, then noise.
      let noise = [0x16, 3, 1, 0, 200, 1, 0, 0, 196, 3, 3] + random.bytes(194)
      try? end.feed(noise[...])
      #expect(end.engine.state != .open)
      #expect(end.engine.keptByteCount <= noise.count)
    }
    #expect(server.engineCount == 0)
  }

  @Test func anEndInTheHandshakeIsAnError() throws {
    let pair = try TLSPair()
    _ = try pair.client.engine.handshake()
    try pair.carry(from: pair.client, to: pair.server)
    let error = #expect(throws: TLSError.self) { try pair.server.engine.inputDidEnd() }
    #expect(error != .truncated)
  }
}
