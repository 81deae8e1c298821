import Testing
import XgenProtocol

@testable import XgenSidecar

/// Envelopes, good and bad.
@Suite struct DispatchTests {
  @Test func readyIsFirstMessage() throws {
    let harness = try SidecarHarness()
    let first = harness.connect().wire.messages[0]
    #expect(first.head == EnvelopeHead(.sandboxReady))
    #expect(first.payload.isEmpty)
    harness.finish()
  }

  @Test func pingIsAnsweredWithItsID() throws {
    let harness = try SidecarHarness()
    let client = harness.connect()
    client.send(EnvelopeHead(.ping, channel: 3, id: 9).message())
    #expect(client.answer(9)?.head == EnvelopeHead(.pong, channel: 3, id: 9))
    client.send(EnvelopeHead(.pong, id: 10).message())
    #expect(client.answer(10) == nil)
    harness.finish()
  }

  @Test(arguments: [0x00, 0x02 + 0x70, 0xff, 0x22, 0x03, 0x04, 0x27, 0x28, 0x50] as [UInt8])
  func unknownMessageIsAnsweredAndConnectionGoesOn(_ type: UInt8) throws {
    let harness = try SidecarHarness()
    let client = harness.connect()
    client.send(EnvelopeHead(type: type, channel: 5, id: 6).message([0x80]))
    #expect(client.error(6) == .unknownMessage)
    #expect(client.answer(6)?.head.channel == 5)
    client.send(EnvelopeHead(.ping, id: 9).message())
    #expect(client.answer(9) != nil)
    harness.finish()
  }

  @Test func shortMessageAndTextAreInvalid() throws {
    let harness = try SidecarHarness()
    let client = harness.connect()
    client.send([])
    client.send([0x20, 0, 0, 0, 1, 0, 0, 0])
    client.session.receiveText()
    let errors = client.all(ErrorPayload.self)
    #expect(errors.map(\.knownCode) == [.invalidPayload, .invalidPayload, .invalidPayload])
    harness.finish()
  }

  @Test(arguments: [[], [0xc1], [0x80], [0x81, 0xa7], [0x90]] as [[UInt8]])
  func brokenPayloadIsInvalid(_ payload: [UInt8]) throws {
    let harness = try SidecarHarness()
    let client = harness.connect()
    let types: [MessageType] = [
      .execStart, .execStdin, .execSignal, .execResize, .execStdinClose, .fsRead, .fsWrite,
      .fsList, .fsRemove, .fsWatch,
    ]
    for (index, type) in types.enumerated() {
      let id = UInt32(index + 1)
      client.send(EnvelopeHead(type, channel: 1, id: id).message(payload))
      #expect(client.error(id) == .invalidPayload, "\(type)")
    }
    harness.finish()
  }

  @Test func messageOverItsTypesLimitIsTooLarge() throws {
    let harness = try SidecarHarness()
    let client = harness.connect()
    let payload = [UInt8](repeating: 0, count: WireLimits.maxPayloadBytes + 1)
    client.send(EnvelopeHead(.execStdin, channel: 1, id: 2).message(payload))
    #expect(client.error(2) == .tooLarge)
    harness.finish()
  }

  @Test func closedSessionHearsNothing() throws {
    let harness = try SidecarHarness()
    let client = harness.connect()
    client.session.close()
    client.session.close()
    let count = client.wire.messages.count
    client.start("true")
    client.session.receiveText()
    client.session.transportDidDrain()
    #expect(client.wire.messages.count == count)
    harness.finish()
  }
}
