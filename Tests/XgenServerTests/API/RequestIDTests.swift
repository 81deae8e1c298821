import Reactor
import Testing

@testable import XgenServer

@Suite struct RequestIDTests {
  @Test(arguments: ["a", "trace-1/2;x=\"y\"", String(repeating: "z", count: 128)])
  func aClientsOwnIsKept(id: String) throws {
    #expect(RequestID.of(try requestHead("X-Request-ID: \(id)")) == id)
    #expect(RequestID.field(id).value == id)
  }

  @Test(arguments: ["", "a b", "é", "a\tb", String(repeating: "z", count: 129)])
  func oneThatIsNotFitToBeLoggedIsReplaced(id: String) throws {
    #expect(isRandom(RequestID.of(try requestHead("X-Request-Id: \(id)"))))
  }

  @Test func withoutOneItIsRandom() throws {
    let ids = try (0..<100).map { _ in RequestID.of(try requestHead()) }
    #expect(Set(ids).count == 100 && ids.allSatisfy(isRandom))
  }

  private func isRandom(_ id: String) -> Bool {
    id.utf8.count == 15 && Base64URL.decode(id)?.count == 11
  }
}
