import Reactor
import Testing

@testable import XgenServer

@Suite struct RequestIDTests {
  @Test(arguments: ["a", "trace-1/2;x=\"y\"", String(repeating: "z", count: 128)])
  func aClientsOwnIsKept(id: String) throws {
    var source = RequestIDSource()
    #expect(source.id(of: try requestHead("X-Request-ID: \(id)")) == id)
    #expect(RequestID.field(id).value == id)
  }

  @Test(arguments: ["", "a b", "é", "a\tb", String(repeating: "z", count: 129)])
  func oneThatIsNotFitToBeLoggedIsReplaced(id: String) throws {
    var source = RequestIDSource()
    #expect(isRandom(source.id(of: try requestHead("X-Request-Id: \(id)"))))
  }

  @Test func withoutOneItIsRandom() throws {
    var source = RequestIDSource()
    let ids = try (0..<1000).map { _ in source.id(of: try requestHead()) }
    #expect(Set(ids).count == 1000 && ids.allSatisfy(isRandom))
  }

  private func isRandom(_ id: String) -> Bool {
    id.utf8.count == 15 && Base64URL.decode(id)?.count == 11
  }
}
