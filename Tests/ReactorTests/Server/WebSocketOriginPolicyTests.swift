import Testing

@testable import Reactor

@Suite struct WebSocketOriginPolicyTests {
  private func allows(
    _ values: [String], _ policy: WebSocketOriginPolicy, host: String? = "own.example"
  ) -> Bool {
    policy.allows(values, to: host.flatMap { HTTPHost($0) }, isEncrypted: false)
  }

  private func only(_ origins: String...) throws -> WebSocketOriginPolicy {
    .only(Set(try origins.map { try #require(HTTPOrigin($0)) }))
  }

  @Test func anyPageMayWhereNothingIsSet() {
    for values in [[], ["https://evil.example"], ["null"], ["nonsense"], ["http://a", "http://b"]] {
      #expect(allows(values, .any))
    }
  }

  @Test func theListedPagesAndTheServersOwnMay() throws {
    let policy = try only("https://app.example", "http://localhost:3000")
    for origin in [
      "https://app.example", "https://APP.example:443", "http://localhost:3000",
      "http://own.example", "https://own.example",
    ] {
      #expect(allows([origin], policy), "\(origin)")
    }
  }

  @Test(arguments: [
    "https://evil.example", "http://app.example", "https://app.example:8443",
    "https://app.example.evil.example", "https://evilapp.example", "http://localhost",
    "http://own.example:81", "null", "", "app.example", "https://app.example/",
    "https://app.example https://evil.example", "https://app.example, https://evil.example",
  ])
  func noOtherPageMay(origin: String) throws {
    #expect(!allows([origin], try only("https://app.example", "http://localhost:3000")))
  }

  @Test func twoOriginsAreNone() throws {
    let policy = try only("https://app.example")
    #expect(!allows(["https://app.example", "https://app.example"], policy))
  }

  @Test func whoIsNoBrowserSaysNone() throws {
    #expect(allows([], try only("https://app.example")))
    #expect(allows([], .only([])))
  }

  @Test func withoutAHostNoPageIsTheServersOwn() throws {
    #expect(!allows(["http://own.example"], .only([]), host: nil))
    #expect(allows(["https://app.example"], try only("https://app.example"), host: nil))
  }
}
