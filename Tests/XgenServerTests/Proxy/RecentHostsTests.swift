import Testing

@testable import XgenServer

@Suite struct RecentHostsTests {
  private static let domain = PreviewDomain("preview.localhost:8080")

  private static func match(_ host: String, _ hosts: inout RecentHosts) -> PreviewDomain.Match {
    Array(host.utf8).withUnsafeBytes { hosts.match($0) }
  }

  /// More hosts than there are places, each asked for twice and in turns.
  @Test func theyMeanWhatTheyMeanWithoutIt() {
    var hosts = RecentHosts(Self.domain)
    var names = ["", "localhost", "preview.localhost", "a.preview.localhost", "x.example:80"]
    for index in 0..<(2 * RecentHosts.count) {
      names.append("sbx-id\(index)-\(index + 1).preview.localhost:8080")
      names.append("SBX-id\(index)-\(index + 1).Preview.localhost")
    }
    names.append(
      "sbx-\(String(repeating: "a", count: RecentHosts.maxHostBytes))-1.preview.localhost")
    for _ in 0..<2 {
      for name in names {
        let expected = Array(name.utf8).withUnsafeBytes { Self.domain.match($0) }
        #expect(Self.match(name, &hosts) == expected)
        #expect(Self.match(name, &hosts) == expected)
      }
    }
    #expect(hosts.match(nil) == .elsewhere)
  }

  @Test func aPortIsPartOfTheHost() {
    var hosts = RecentHosts(Self.domain)
    #expect(
      Self.match("sbx-a-1.preview.localhost", &hosts) == .preview(PreviewHost(id: "a", port: 1)))
    #expect(
      Self.match("sbx-a-2.preview.localhost", &hosts) == .preview(PreviewHost(id: "a", port: 2)))
  }
}
