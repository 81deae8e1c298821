import Testing

@testable import Reactor

@Suite struct HTTPTargetTests {
  @Test(arguments: [
    ("/", []), ("", []), ("*", []), ("/a", ["a"]), ("/a/b", ["a", "b"]), ("/a/b/", ["a", "b", ""]),
    ("/a//b", ["a", "", "b"]), ("//", ["", ""]), ("/.", []), ("/..", []), ("/../../a", ["a"]),
    ("/a/./b", ["a", "b"]), ("/a/../b", ["b"]), ("/a/b/..", ["a", ""]), ("/a/..", []),
    ("/a/%2e%2E/../b/.", ["b", ""]), ("/%41%20b", ["A b"]), ("/a+b", ["a+b"]),
    ("/a%2Fb", ["a/b"]), ("/%252e%252e/x", ["%2e%2e", "x"]), ("/%e2%82%ac", ["€"]),
    ("/...", ["..."]),
  ])
  func splitsThenDecodesOnceThenResolvesDots(_ path: String, _ segments: [String]) throws {
    #expect(try HTTPTarget(path: path, query: nil).segments == segments)
  }

  @Test(arguments: [
    "a", "/%", "/%2", "/%zz", "/%00", "/%ff", "/%c0%ae", "/%ed%a0%80", "/a/%e2%82", "/%u0041",
    "/[", "/]", "/^", "/`", "/{id}", "/|", "/a\\b",
  ])
  func refusesPathsThatDecodeToNoText(_ path: String) {
    #expect(throws: HTTPParseError.invalidTarget) { try HTTPTarget(path: path, query: nil) }
  }

  @Test func takesQueriesApart() throws {
    let query = try HTTPTarget(path: "/", query: "a=1&&b=x+y%2B%26&c&=d&a=2=3&%E2%82%AC=e&").query
    #expect(query.items.map(\.name) == ["a", "b", "c", "", "a", "€"])
    #expect(query.items.map(\.value) == ["1", "x y+&", "", "d", "2=3", "e"])
    #expect(query["a"] == "1")
    #expect(query.values("a") == ["1", "2=3"])
    #expect(query["z"] == nil)
    #expect(try HTTPQuery("").items.isEmpty)
  }

  @Test(arguments: ["a=%", "a=%0", "%00=a", "a=%00", "a=%ff", "%gg", "a[]=1", "a=b|c", "a=\\"])
  func refusesQueriesThatDecodeToNoText(_ query: String) {
    #expect(throws: HTTPParseError.invalidTarget) { try HTTPQuery(query) }
  }

  @Test func boundsSegmentsAndItems() throws {
    let path = String(repeating: "/a", count: HTTPTarget.maxSegments)
    #expect(try HTTPTarget(path: path, query: nil).segments.count == HTTPTarget.maxSegments)
    #expect(throws: HTTPParseError.tooManyPathSegments) {
      try HTTPTarget(path: path + "/a", query: nil)
    }
    let query = String(repeating: "a&", count: HTTPQuery.maxItems)
    #expect(try HTTPQuery(query).items.count == HTTPQuery.maxItems)
    #expect(throws: HTTPParseError.tooManyQueryItems) { try HTTPQuery(query + "a") }
  }

  @Test func decodesTheTargetOfAHead() throws {
    let head = try #require(
      try HTTPHarness.parsed("GET http://h/a%20b?c=d HTTP/1.1\r\nHost: h\r\n\r\n"))
    let target = try head.decodedTarget()
    #expect(target.segments == ["a b"])
    #expect(target.query["c"] == "d")
  }
}
