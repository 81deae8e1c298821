import Testing

@testable import Reactor

@Suite struct HTTPConditionsTests {
  private static let tag = HTTPEntityTag(strong: "a-1")

  private func conditions(_ fields: String...) throws -> HTTPConditions {
    let text = (["GET / HTTP/1.1", "Host: x"] + fields).joined(separator: "\r\n") + "\r\n\r\n"
    var parser = HTTPRequestParser()
    let head = try Array(text.utf8).withUnsafeBytes { try #require(try parser.parse($0)).head }
    return try HTTPConditions(head.headers)
  }

  @Test(arguments: [
    (#""""#, "", false), (#""a""#, "a", false), (#"W/"a""#, "a", true), (#""a,b""#, "a,b", false),
    (#""!#~""#, "!#~", false),
  ])
  func readsTags(_ value: String, _ opaque: String, _ isWeak: Bool) throws {
    let tag = try #require(HTTPEntityTag(value))
    #expect(tag.opaque == opaque && tag.isWeak == isWeak && tag.value == value)
  }

  @Test(arguments: ["", "a", #""a"#, #"a""#, #"w/"a""#, #""a" "#, #""a b""#, #""a"b""#, "\"é\""])
  func refusesWhatIsNoTag(_ value: String) {
    #expect(HTTPEntityTag(value) == nil)
  }

  @Test func readsListsOfTags() {
    #expect(HTTPTagCondition("*") == .any)
    #expect(HTTPTagCondition(#""a-1""#) == .tags([Self.tag]))
    #expect(HTTPTagCondition(#""a-1" ,W/"b","c,d""#)?.value == #""a-1", W/"b", "c,d""#)
    let most = Array(repeating: #""a""#, count: HTTPTagCondition.maxTags).joined(separator: ",")
    #expect(HTTPTagCondition(most) != nil)
    for bad in ["", ",", #""a","#, #","a""#, "*, *", #"*,"a""#, #""a" "b""#, most + #","a""#] {
      #expect(HTTPTagCondition(bad) == nil, "\(bad)")
    }
  }

  @Test func comparesStronglyAndWeakly() throws {
    let weak = try #require(HTTPTagCondition(#"W/"a-1""#))
    #expect(!weak.matchesStrongly(Self.tag) && weak.matchesWeakly(Self.tag))
    #expect(!HTTPTagCondition.any.matchesStrongly(nil) && !HTTPTagCondition.any.matchesWeakly(nil))
    #expect(HTTPTagCondition.tags([Self.tag]).matchesStrongly(Self.tag))
  }

  @Test func evaluatesInTheOrderOfTheRFC() throws {
    let both = try conditions(#"If-Match: "z""#, #"If-None-Match: "a-1""#)
    #expect(both.outcome(.get, Self.tag) == .failed)
    let none = try conditions(#"If-None-Match: "z""#, #"If-None-Match: W/"a-1""#)
    #expect(none.outcome(.get, Self.tag) == .notModified)
    #expect(none.outcome(.put, Self.tag) == .failed)
    #expect(none.outcome(.put, nil) == .proceed(nil))
    let new = try conditions("If-None-Match: *")
    #expect(new.outcome(.put, nil) == .proceed(nil) && new.outcome(.put, Self.tag) == .failed)
    let old = try conditions("If-Match: *")
    #expect(old.outcome(.put, nil) == .failed && old.outcome(.put, Self.tag) == .proceed(nil))
  }

  @Test func rangeHoldsForItsStateOnly() throws {
    let range = HTTPByteRange.from(1, through: nil)
    #expect(try conditions("Range: bytes=1-").outcome(.get, Self.tag) == .proceed(range))
    #expect(try conditions("Range: bytes=1-").outcome(.head, Self.tag) == .proceed(nil))
    let same = try conditions("Range: bytes=1-", #"If-Range: "a-1""#)
    #expect(same.outcome(.get, Self.tag) == .proceed(range))
    #expect(same.outcome(.get, HTTPEntityTag(strong: "b")) == .proceed(nil))
    for state in [#"W/"a-1""#, "Fri, 27 Nov 2026 02:00:00 GMT", "x"] {
      #expect(try conditions("Range: bytes=1-", "If-Range: \(state)").range == nil)
    }
    #expect(try conditions("Range: bytes=1-", "Range: bytes=2-").range == nil)
    #expect(try conditions("Range: bytes=1-2,4-5").range == nil)
  }

  @Test func conditionThatCantBeReadIsNotIgnored() {
    #expect(throws: HTTPConditions.Malformed(name: "If-Match")) { try conditions("If-Match: x") }
    #expect(throws: HTTPConditions.Malformed(name: "If-None-Match")) {
      try conditions("If-None-Match: \"a\"", "If-None-Match: *")
    }
  }

  @Test func goesOnAsHeaders() throws {
    let all = try conditions(
      "Range: bytes=1-", #"If-Range: "a-1""#, "If-Match: *", #"If-None-Match: "b""#)
    let lines = all.fields.map { "\($0.name): \($0.value)" }
    #expect(
      lines == [
        "If-Match: *", #"If-None-Match: "b""#, "Range: bytes=1-", #"If-Range: "a-1""#,
      ])
    #expect(try conditions(#"If-Range: "a-1""#).fields.isEmpty)
  }

  @Test(arguments: [
    ("a.txt", "a.txt"), ("a b", "a%20b"), ("\"q\".html", "%22q%22.html"), ("é€", "%C3%A9%E2%82%AC"),
    ("a\r\nSet-Cookie: x=1", "a%0D%0ASet-Cookie%3A%20x%3D1"), ("100%'*;", "100%25%27%2A%3B"),
    ("!#$&+-.^_`|~", "!#$&+-.^_`|~"), ("..", ".."),
  ])
  func attachmentsNameCantLeaveItsParameter(_ name: String, _ encoded: String) {
    let field = HTTPField.attachment(named: name)
    #expect(field.name == "Content-Disposition")
    #expect(field.value == "attachment; filename*=UTF-8''" + encoded)
  }

  @Test func queryValuesAreReadBack() throws {
    let text = "/a b/ä+&=#?%\n\"'€/" + String(repeating: "x", count: 300)
    #expect(try HTTPQuery("path=" + PercentEncoding.queryValue(text))["path"] == text)
  }
}
