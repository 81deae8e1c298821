import Testing

@testable import XgenProtocol

/// Both ends of the proof, and what each makes of a peer that is not the other one.
@Suite struct SidecarProofTests {
  private static let token = Array("a token of thirty-two bytes or so".utf8)
  private static let serverNonce = [UInt8](0..<32)
  private static let sidecarNonce = [UInt8](100..<132)

  private static func server(_ token: [UInt8] = token) -> ServerProof {
    ServerProof(token: token, nonce: serverNonce)
  }

  private static func sidecar(_ token: [UInt8] = token) -> SandboxProof {
    SandboxProof(token: token, nonce: sidecarNonce)
  }

  /// Hands bytes over in the pieces that are wanted; what was sent back.
  private static func feed(
    _ bytes: [UInt8], to sidecar: inout SandboxProof
  ) throws(SidecarProof.Failure) -> [UInt8] {
    var sent: [UInt8] = []
    var rest = bytes[...]
    while sidecar.wantedByteCount > 0, rest.count >= sidecar.wantedByteCount {
      let piece = Array(rest.prefix(sidecar.wantedByteCount))
      rest = rest.dropFirst(piece.count)
      sent += try sidecar.receive(piece)
    }
    return sent
  }

  @Test func bothEndsAreProvenWhenTheyHoldTheToken() throws {
    var server = Self.server()
    var sidecar = Self.sidecar()
    let hello = server.hello
    #expect(hello.count == 40 && hello.starts(with: [0] + Array("XGENP01".utf8)))
    let answer = try Self.feed(hello, to: &sidecar)
    #expect(answer.count == 64 && answer.prefix(32) == Self.sidecarNonce[...])
    let last = try server.receive(answer)
    #expect(server.wantedByteCount == 0)
    #expect(!sidecar.isProven)
    #expect(last.count == 32)
    #expect(try Self.feed(last, to: &sidecar).isEmpty)
    #expect(sidecar.isProven && sidecar.wantedByteCount == 0)
    #expect(sidecar.strangersByte == nil)
  }

  @Test func aSidecarWithAnotherTokenIsNotBelieved() throws {
    var server = Self.server()
    var other = Self.sidecar(Array("another token of thirty-two bytes".utf8))
    let answer = try Self.feed(server.hello, to: &other)
    #expect(throws: SidecarProof.Failure.wrongCode) { try server.receive(answer) }
    #expect(server.wantedByteCount > 0)
  }

  @Test func aServerWithAnotherTokenIsNotServed() throws {
    var sidecar = Self.sidecar()
    _ = try Self.feed(Self.server().hello, to: &sidecar)
    let wrong = [UInt8](repeating: 7, count: 32)
    #expect(throws: SidecarProof.Failure.wrongCode) { try Self.feed(wrong, to: &sidecar) }
    #expect(!sidecar.isProven)
  }

  @Test func oneEndsCodeIsNotTheOthers() throws {
    var sidecar = Self.sidecar()
    let answer = try Self.feed(Self.server().hello, to: &sidecar)
    // Played back at its maker.
    #expect(throws: SidecarProof.Failure.wrongCode) {
      try Self.feed(Array(answer.suffix(32)), to: &sidecar)
    }
  }

  @Test func anOldCodeIsOfNoUse() throws {
    var server = Self.server()
    var sidecar = Self.sidecar()
    let last = try server.receive(try Self.feed(server.hello, to: &sidecar))
    var next = SandboxProof(token: Self.token, nonce: [UInt8](repeating: 9, count: 32))
    _ = try Self.feed(server.hello, to: &next)
    #expect(throws: SidecarProof.Failure.wrongCode) { try Self.feed(last, to: &next) }
  }

  @Test(arguments: Array("GPHDOCT\n\r ".utf8) + [1, 0x16, 0x80, 0xFF])
  func whoBeginsOtherwiseIsAStranger(first: UInt8) throws {
    var sidecar = Self.sidecar()
    #expect(sidecar.wantedByteCount == 1)
    #expect(try Self.feed([first], to: &sidecar).isEmpty)
    #expect(sidecar.strangersByte == first)
    #expect(!sidecar.isProven && sidecar.wantedByteCount == 0)
  }

  @Test(arguments: 1..<8)
  func anotherMagicIsRefusedAtEveryByte(index: Int) {
    var sidecar = Self.sidecar()
    var hello = Self.server().hello
    hello[index] ^= 1
    #expect(throws: SidecarProof.Failure.notAnOpening) { try Self.feed(hello, to: &sidecar) }
  }

  @Test func everyBitOfTheAnswerCounts() throws {
    var sidecar = Self.sidecar()
    let answer = try Self.feed(Self.server().hello, to: &sidecar)
    for bit in 0..<answer.count * 8 {
      var changed = answer
      changed[bit / 8] ^= 1 << UInt8(bit % 8)
      var server = Self.server()
      #expect(throws: SidecarProof.Failure.wrongCode) { try server.receive(changed) }
    }
  }
}

@Suite struct EnvironmentBlockTests {
  @Test(arguments: [
    ([:], ""), (["A": "1"], "A=1\0"), (["A": "", "B": "x=y\nz"], "A=\0B=x=y\nz\0"),
    (["Ü": "ü"], "Ü=ü\0"),
  ])
  func readsWhatItWrites(variables: [String: String], text: String) throws {
    #expect(EnvironmentBlock.encode(variables) == Array(text.utf8))
    #expect(try EnvironmentBlock.decode(Array(text.utf8)) == variables)
  }

  @Test(
    arguments: [
      ("A=1", .malformed), ("A\0", .malformed), ("=1\0", .malformed), ("\0", .malformed),
      ("A=1\0\0", .malformed), ("A=1\0A=2\0", .duplicate),
    ] as [(String, EnvironmentBlock.Failure)])
  func refusesWhatIsNone(text: String, failure: EnvironmentBlock.Failure) {
    #expect(throws: failure) { try EnvironmentBlock.decode(Array(text.utf8)) }
  }

  @Test func refusesTooMuch() {
    #expect(throws: EnvironmentBlock.Failure.tooLong) {
      try EnvironmentBlock.decode([UInt8](repeating: 0, count: EnvironmentBlock.maxBytes + 1))
    }
    let many = (0...WireLimits.maxEnvironmentVariables).map { "V\($0)=\0" }.joined()
    #expect(throws: EnvironmentBlock.Failure.tooMany) {
      try EnvironmentBlock.decode(Array(many.utf8))
    }
    #expect(throws: EnvironmentBlock.Failure.notUTF8) {
      try EnvironmentBlock.decode([0x41, 0x3D, 0xFF, 0])
    }
  }
}
