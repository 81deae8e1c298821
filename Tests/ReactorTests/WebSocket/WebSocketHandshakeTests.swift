import TestSupport
import Testing

@testable import Reactor

@Suite struct WebSocketHandshakeTests {
  private let key = "dGhlIHNhbXBsZSBub25jZQ=="
  private let acceptOfKey = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

  private func error(
    method: String = "GET", isHTTP11: Bool = true, upgrade: String? = "websocket",
    connection: String? = "Upgrade", key: String? = "dGhlIHNhbXBsZSBub25jZQ==",
    version: String? = "13"
  ) -> WebSocketHandshakeError? {
    do throws(WebSocketHandshakeError) {
      try WebSocketHandshake.validateRequest(
        method: method, isHTTP11: isHTTP11, upgrade: upgrade, connection: connection, key: key,
        version: version)
      return nil
    } catch { return error }
  }

  // MARK: Requests

  @Test func takesValidRequests() {
    #expect(error() == nil)
    #expect(error(upgrade: "WebSocket", connection: "keep-alive, Upgrade") == nil)
    #expect(error(upgrade: "h2c,\twebsocket ", connection: "UPGRADE ,close") == nil)
  }

  @Test func refusesWrongRequestsWithTheRightStatus() {
    #expect(error(method: "POST") == .methodNotGET)
    #expect(error(method: "get") == .methodNotGET)
    #expect(error(isHTTP11: false) == .notHTTP11)
    for upgrade in [nil, "", "h2c", "websockets", "web socket", "websocket/13"] {
      #expect(error(upgrade: upgrade) == .noUpgrade)
    }
    for connection in [nil, "", "close", "Upgraded", "keep-alive Upgrade"] {
      #expect(error(connection: connection) == .noConnectionUpgrade)
    }
    for version in [nil, "", "8", "013", "13, 13", "14"] {
      #expect(error(version: version) == .unsupportedVersion)
    }
    #expect(WebSocketHandshakeError.methodNotGET.status == 405)
    #expect(WebSocketHandshakeError.invalidKey.status == 400)
    #expect(WebSocketHandshakeError.unsupportedVersion.status == 426)
    let fields = WebSocketHandshakeError.unsupportedVersion.fields.map { "\($0.name): \($0.value)" }
    #expect(fields.contains("Sec-WebSocket-Version: 13"))
  }

  @Test(arguments: [
    nil, "", "dGhlIHNhbXBsZSBub25jZQ=", "dGhlIHNhbXBsZSBub25jZQ===", "dGhlIHNhbXBsZSBub25jZR==",
    "dGhlIHNhbXBsZSBub25jZf==", "dGhlIHNhbXBsZSBub25jZ-==", "dGhlIHNhbXBsZSBub25jZQAA",
    "dGhlIHNhbXBs=SBub25jZQ==", "dGhlIHNhbXBsZSBub25jZQ==, dGhlIHNhbXBsZSBub25jZQ==",
    " GhlIHNhbXBsZSBub25jZQ==",
  ])
  func refusesKeysThatAreNotTheBase64OfSixteenBytes(key: String?) {
    #expect(error(key: key) == .invalidKey)
  }

  @Test func makesKeysThatItTakes() {
    var random = SplitMix64(seed: 3)
    for _ in 0..<1000 {
      #expect(WebSocketKey.isValid(WebSocketKey.make(from: (random.next(), random.next()))))
    }
    let sample = utf8("the sample nonce").withUnsafeBytes { bytes in
      (
        bytes.loadUnaligned(as: UInt64.self),
        bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
      )
    }
    #expect(WebSocketKey.make(from: sample) == key)
  }

  @Test func acceptsTheKeyOfTheRFC() {
    #expect(WebSocketKey.accept(for: key, sha1: sha1) == acceptOfKey)
  }

  // MARK: Subprotocols

  @Test func parsesSubprotocolLists() throws {
    #expect(try WebSocketHandshake.parseSubprotocols(nil) == [])
    #expect(try WebSocketHandshake.parseSubprotocols("chat") == ["chat"])
    #expect(
      try WebSocketHandshake.parseSubprotocols("a.b-1 ,\tBearer|x~, ,z'^_`") == [
        "a.b-1", "Bearer|x~", "z'^_`",
      ])
    let many = (0..<32).map { "p\($0)" }
    #expect(try WebSocketHandshake.parseSubprotocols(many.joined(separator: ",")) == many)
  }

  @Test(arguments: [
    "", " ", ",", "a,a", "a b", "a/b", "a=b", "\"a\"", "é", "a\u{7F}", "a;b", "a@b", "{a}", "a[b]",
    "a:b", "a\\b", "(a)", "a?",
    (0..<33).map { "p\($0)" }.joined(separator: ","),
  ])
  func refusesWrongSubprotocolLists(value: String) {
    #expect(throws: WebSocketHandshakeError.invalidSubprotocols) {
      try WebSocketHandshake.parseSubprotocols(value)
    }
  }

  @Test func choosesTheSubprotocolThatWePrefer() {
    let choose = WebSocketHandshake.chooseSubprotocol
    #expect(choose(["a", "b", "c"], ["c", "b"]) == "c")
    #expect(choose(["a"], ["b"]) == nil)
    #expect(choose([], ["b"]) == nil)
  }

  // MARK: Responses

  private func response(
    status: Int = 101, upgrade: String? = "WebSocket", connection: String? = "upgrade",
    accept: String? = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", subprotocol: String? = nil,
    extensions: String? = nil
  ) throws(WebSocketResponseError) -> String? {
    try WebSocketHandshake.validateResponse(
      status: status, upgrade: upgrade, connection: connection, accept: accept,
      subprotocol: subprotocol, extensions: extensions, expectedAccept: acceptOfKey,
      offered: ["one", "two"])
  }

  @Test func takesValidResponses() throws {
    #expect(try response() == nil)
    #expect(try response(subprotocol: "two") == "two")
  }

  @Test func refusesWrongResponses() {
    #expect(throws: WebSocketResponseError.status(200)) { try response(status: 200) }
    for upgrade in [nil, "h2c", "websocket, h2c"] {
      #expect(throws: WebSocketResponseError.noUpgrade) { try response(upgrade: upgrade) }
    }
    for connection in [nil, "close"] {
      #expect(throws: WebSocketResponseError.noConnectionUpgrade) {
        try response(connection: connection)
      }
    }
    for accept in [nil, "", "S3pPLMBiTxaQ9kYGzzhZRbK+xOo="] {
      #expect(throws: WebSocketResponseError.wrongAccept) { try response(accept: accept) }
    }
    for subprotocol in ["", "three", "One", "one, two"] {
      #expect(throws: WebSocketResponseError.subprotocolNotOffered) {
        try response(subprotocol: subprotocol)
      }
    }
    #expect(throws: WebSocketResponseError.extensionNotOffered) {
      try response(extensions: "permessage-deflate")
    }
  }
}

/// FIPS 180-4 §6.1, for the tests alone.
private func sha1(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
  var message = Array(bytes) + [0x80]
  while message.count % 64 != 56 { message.append(0) }
  let bitCount = UInt64(bytes.count) * 8
  message += (0..<8).reversed().map { UInt8(truncatingIfNeeded: bitCount >> (8 * UInt64($0))) }
  var hash: [UInt32] = [0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476, 0xC3D2_E1F0]
  for start in stride(from: 0, to: message.count, by: 64) {
    digest(message[start..<start + 64], into: &hash)
  }
  return hash.flatMap { word in (0..<4).reversed().map { UInt8(word >> (8 * $0) & 0xFF) } }
}

private func digest(_ block: ArraySlice<UInt8>, into hash: inout [UInt32]) {
  func rotate(_ word: UInt32, _ bits: UInt32) -> UInt32 { word << bits | word >> (32 - bits) }
  var words = (0..<16).map { place in
    block.dropFirst(4 * place).prefix(4).reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
  }
  for place in 16..<80 {
    let mixed = words[place - 3] ^ words[place - 8] ^ words[place - 14] ^ words[place - 16]
    words.append(rotate(mixed, 1))
  }
  var (a, b, c, d, e) = (hash[0], hash[1], hash[2], hash[3], hash[4])
  for (round, word) in words.enumerated() {
    let (mix, constant): (UInt32, UInt32) =
      switch round {
      case 0..<20: ((b & c) | (~b & d), 0x5A82_7999)
      case 20..<40: (b ^ c ^ d, 0x6ED9_EBA1)
      case 40..<60: ((b & c) | (b & d) | (c & d), 0x8F1B_BCDC)
      default: (b ^ c ^ d, 0xCA62_C1D6)
      }
    (a, b, c, d, e) = (rotate(a, 5) &+ mix &+ e &+ constant &+ word, a, rotate(b, 30), c, d)
  }
  for (place, word) in [a, b, c, d, e].enumerated() { hash[place] &+= word }
}
