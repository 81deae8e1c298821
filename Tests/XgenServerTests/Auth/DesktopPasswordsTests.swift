import Testing

@testable import XgenServer

@Suite struct DesktopPasswordsTests {
  @Test func eachSandboxHasOneOfEightCharacters() {
    let passwords = DesktopPasswords(secret: Array(repeating: 7, count: 32))
    let all = Set((0..<1000).map { passwords["sandbox\($0)"] })
    #expect(all.count == 1000)
    #expect(all.allSatisfy { $0.utf8.count == 8 && Base64URL.decode($0)?.count == 6 })
  }

  @Test func everyServerWithTheSecretKnowsIt() {
    let passwords = DesktopPasswords(secret: [1])
    #expect(passwords["a"] == DesktopPasswords(secret: [1])["a"])
    #expect(passwords["a"] != DesktopPasswords(secret: [2])["a"])
  }
}
