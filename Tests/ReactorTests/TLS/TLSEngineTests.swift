import TestSupport
import Testing

@testable import Reactor
@testable import ReactorTLS

/// Records, keys and the end of the connection between two engines.
@Suite struct TLSEngineTests {
  private func open(_ version: TLSVersion = .tls13) throws -> TLSPair {
    let pair = try TLSPair(.ecdsa, version)
    try pair.handshake()
    return pair
  }

  @Test(arguments: [TLSVersion.tls12, .tls13], [1, 16_384, 16_385, 1_000_000])
  func carriesAnyNumberOfBytes(version: TLSVersion, count: Int) throws {
    let pair = try open(version)
    let bytes = SplitMix64.bytes(seed: 5, count)
    try pair.server.write(bytes)
    try pair.exchange()
    #expect(pair.client.bytes == bytes)
  }

  @Test func carriesARecordOneByteAtATime() throws {
    let pair = try open()
    pair.cut = { flight in flight.indices.map { flight[$0...$0] } }
    let bytes = SplitMix64.bytes(seed: 6, 2_000)
    try pair.client.write(bytes)
    try pair.exchange()
    #expect(pair.server.bytes == bytes)
  }

  @Test func severalShortRecordsFillOneRead() throws {
    let pair = try open()
    var flight: [UInt8] = []
    for byte in UInt8(0)..<100 {
      try pair.client.write([byte])
      flight += pair.client.output()
    }
    let engine = pair.server.engine
    var room = [UInt8](repeating: 0, count: 200)
    try flight.withUnsafeBytes { bytes in
      try engine.withInput(bytes) {
        let result = try room.withUnsafeMutableBytes { room in
          try engine.read(into: room)
        }
        #expect(result == .bytes(100))
      }
    }
    #expect(room[..<100].elementsEqual(0..<100))
  }

  @Test func whatIsNotReadIsKeptAndReadLater() throws {
    let pair = try open()
    let bytes = SplitMix64.bytes(seed: 7, 40_000)
    try pair.client.write(bytes)
    let flight = pair.client.output()
    let engine = pair.server.engine
    flight.withUnsafeBytes { engine.withInput($0) {} }
    #expect(engine.keptByteCount == flight.count)
    #expect(engine.hasUnread)
    try pair.server.readAll(room: 1_000)
    #expect(pair.server.bytes == bytes)
    #expect(engine.keptByteCount == 0)
    #expect(!engine.hasUnread)
  }

  @Test func keysAreChangedAfterSoManyRecords() throws {
    let pair = try open()
    pair.client.engine.recordsPerKey = 3
    var sizes: [Int] = []
    for byte in UInt8(0)..<10 {
      try pair.client.write([byte])
      sizes.append(pair.client.output().count)
    }
    // A key update goes ahead of the 4th, 7th and 10th.
    let plain = try #require(sizes.min())
    #expect(sizes.indices.filter { sizes[$0] > plain } == [3, 6, 9])
  }

  @Test func changedKeysAreFollowed() throws {
    let pair = try open()
    pair.client.engine.recordsPerKey = 2
    pair.server.engine.recordsPerKey = 1
    for byte in UInt8(0)..<20 {
      try pair.client.write([byte])
      try pair.server.write([byte])
      try pair.exchange()
    }
    #expect(pair.server.bytes == Array(0..<20))
    #expect(pair.client.bytes == Array(0..<20))
  }

  @Test func aPeerThatAsksForNewKeysIsAnswered() throws {
    let pair = try open()
    pair.client.engine.rekey(both: true)
    try pair.client.write([1])
    try pair.carry(from: pair.client, to: pair.server)
    #expect(pair.server.bytes == [1])
    // The answer goes ahead of the next record (RFC 8446 §4.6.3).
    try pair.server.write([2])
    let first = pair.server.output()
    try pair.server.write([3])
    let second = pair.server.output()
    #expect(first.count > second.count)
    try pair.client.feed((first + second)[...])
    #expect(pair.client.bytes == [2, 3])
  }

  @Test(arguments: [TLSVersion.tls12, .tls13])
  func eachDirectionEndsByItself(version: TLSVersion) throws {
    let pair = try open(version)
    try pair.client.write(Array("last words".utf8))
    pair.client.engine.shutDown()
    pair.client.engine.shutDown()
    #expect(pair.client.engine.state == .closing)
    try pair.exchange()
    #expect(pair.server.bytes == Array("last words".utf8))
    #expect(pair.server.hasEnded)
    #expect(pair.server.engine.state == .closing)
    try pair.server.write(Array("the answer".utf8))
    try pair.exchange()
    #expect(pair.client.bytes == Array("the answer".utf8))
    pair.server.engine.shutDown()
    try pair.exchange()
    #expect(pair.client.hasEnded)
    #expect(pair.client.engine.state == .closed)
    #expect(pair.server.engine.state == .closed)
    try pair.client.engine.inputDidEnd()
    try pair.server.engine.inputDidEnd()
  }

  @Test func nothingIsWrittenBehindOurEnd() throws {
    let pair = try open()
    pair.client.engine.shutDown()
    _ = pair.client.output()
    try pair.client.write([1])
    #expect(!pair.client.engine.hasOutput)
  }

  @Test func bytesBehindTheEndAreDropped() throws {
    let pair = try open()
    pair.client.engine.shutDown()
    try pair.server.feed(pair.client.output() + [0x17, 3, 3, 0xFF] + Array("noise".utf8))
    #expect(pair.server.hasEnded)
    #expect(pair.server.engine.keptByteCount == 0)
    try pair.server.engine.inputDidEnd()
  }

  @Test func anEndWithoutACloseNotifyIsTruncation() throws {
    let pair = try open()
    try pair.client.write([1, 2, 3])
    try pair.exchange()
    #expect(throws: TLSError.truncated) { try pair.server.engine.inputDidEnd() }
    #expect(throws: TLSError.truncated) { try pair.server.write([1]) }
    #expect(pair.server.engine.state == .closed)
  }

  @Test(arguments: [TLSVersion.tls12, .tls13])
  func aChangedByteEndsTheConnectionWithAnAlert(version: TLSVersion) throws {
    let pair = try open(version)
    try pair.client.write(Array("good".utf8))
    var flight = pair.client.output()
    try pair.client.write(Array("bad".utf8))
    flight += pair.client.output()
    flight[flight.count - 1] ^= 1
    #expect(throws: TLSError.self) { try pair.server.feed(flight[...]) }
    #expect(pair.server.bytes == Array("good".utf8))
    #expect(pair.server.engine.state == .closed)
    let error = #expect(throws: TLSError.self) {
      try pair.carry(from: pair.server, to: pair.client)
    }
    #expect("\(error!)".contains("alert bad record mac"))
  }

  @Test func anOverlongRecordIsRefusedBeforeItHasCome() throws {
    let pair = try open()
    #expect(throws: TLSError.self) { try pair.server.feed([0x17, 3, 3, 0xFF, 0xFF, 0]) }
  }

  @Test func enginesAreFreedWithTheirOwner() throws {
    let fixture = TLSFixture.shared
    let (client, server) = (try fixture.client(), try fixture.server())
    do {
      let pairs = (0..<10).map { _ in TLSPair(client: client, server: server) }
      for pair in pairs.prefix(5) { try pair.handshake() }
      #expect(server.engineCount == 10)
    }
    #expect(client.engineCount == 0)
    #expect(server.engineCount == 0)
  }
}
