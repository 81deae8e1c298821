import Testing

@testable import XgenServer

@Suite struct CredentialTests {
  @Test(
    arguments: [
      ("Bearer abc", .bearer("abc")), ("bearer abc", .bearer("abc")),
      ("BEARER   a.b-c_d~e+f/g==", .bearer("a.b-c_d~e+f/g==")),
      ("ApiKey xgen_dev_key", .apiKey("xgen_dev_key")), ("apikey k", .apiKey("k")),
      ("APIKEY  k", .apiKey("k")),
    ] as [(String, Credential)])
  func readsBothSchemesInAnyCase(value: String, expected: Credential) {
    #expect(Credential(authorization: value) == expected)
  }

  @Test(arguments: [
    "", "Bearer", "Bearer ", "Bearer  ", " Bearer abc", "Bearer\tabc", "Bearer abc ", "Bearer a b",
    "Bearer a,b", "Bearer é", "Bearer a\0", "Bearer =", "Bearer a=b", "Basic abc", "ApiKeyx abc",
    "Api\u{212A}ey abc", "Bearer \"abc\"", "\u{2}earer abc", "Bearer \u{301}abc",
  ])
  func refusesEverythingElse(value: String) {
    #expect(Credential(authorization: value) == nil)
  }

  @Test func boundsTheLength() {
    let longest = String(repeating: "a", count: 4096)
    #expect(Credential(authorization: "Bearer \(longest)") == .bearer(longest))
    #expect(Credential(authorization: "Bearer \(longest)a") == nil)
  }

  @Test func neverPrintsTheSecret() {
    #expect("\(Credential.bearer("hidden"))" == "Bearer …")
    #expect("\(Credential.apiKey("hidden"))" == "ApiKey …")
  }
}
