import Reactor
import Testing

@testable import XgenServer

@Suite struct SandboxListQueryTests {
  private func query(_ text: String) throws -> SandboxListQuery {
    try SandboxListQuery(HTTPQuery(text))
  }

  private func view(
    _ id: String = "abc", _ status: SandboxStatus = .running, atMs: Int64 = 5,
    template: String = "base", _ metadata: [String: String] = [:]
  ) -> SandboxView {
    let record = SandboxRecord(
      id: id, owner: "ann", template: template, env: [:], ports: [], gui: false,
      metadata: metadata, resources: .init(), createdAtMs: atMs, expiresAtMs: 9,
      idempotency: nil)
    return SandboxView(record: record, status: status)
  }

  @Test func nothingAskedIsAll() throws {
    let query = try query("")
    #expect(query.limit == nil && query.matches(view()) && query.matches(view("x", .error)))
  }

  @Test func eachFilterCountsAndAllOfThem() throws {
    let asked = try query(
      "status=running&template=python&metadata.team=a+b&metadata.=%26&metadata.x.y=z")
    let metadata = ["team": "a b", "": "&", "x.y": "z", "more": "1"]
    #expect(asked.matches(view(template: "python", metadata)))
    #expect(!asked.matches(view("abc", .starting, template: "python", metadata)))
    #expect(!asked.matches(view(template: "base", metadata)))
    for name in ["team", "", "x.y"] {
      var less = metadata
      less[name] = nil
      #expect(!asked.matches(view(template: "python", less)))
      less[name] = "other"
      #expect(!asked.matches(view(template: "python", less)))
    }
  }

  @Test(arguments: [
    ("limit=0", "limit"), ("limit=1001", "limit"), ("limit=", "limit"), ("limit=-1", "limit"),
    ("limit=%2B1", "limit"), ("limit=1.0", "limit"), ("limit=1e2", "limit"),
    ("limit=99999999999999999999", "limit"), ("limit=%D9%A1", "limit"),
    ("limit=1&limit=1", "limit"), ("status=", "status"), ("status=Running", "status"),
    ("status=running&status=running", "status"), ("template=", "template"),
    ("template=cobol", "template"), ("cursor=", "cursor"), ("cursor=x", "cursor"),
    ("cursor=5-a.b", "cursor"), ("cursor=-5-a", "cursor"), ("cursor=5-abc&cursor=5-abc", "cursor"),
    ("metadata.a=1&metadata.a=1", "metadata.a"),
  ])
  func whatMakesNoSenseIsNamed(text: String, field: String) throws {
    do {
      _ = try query(text)
      Issue.record("\(text) was taken")
    } catch let error as FieldError {
      #expect(error.field == field)
    }
  }

  @Test func whatIsNotKnownIsIgnored() throws {
    let asked = try query("a=1&a=2&Limit=x&metadata=x&METADATA.a=1&token=x")
    #expect(asked == (try query("")))
  }

  @Test func theNextPageBeginsBehindTheLastAndKeepsTheFilters() throws {
    let first = try query("limit=2&status=running&template=go&metadata.a%26b=%C3%A9+%3D&x=1")
    let text = first.next(after: view("mmm", atMs: 50).record)
    let next = try query(text)
    #expect(next.limit == 2 && next.status == .running && next.template == "go")
    #expect(next.metadata == [HTTPQuery.Item(name: "metadata.a&b", value: "é =")])
    #expect(next.cursor == .init(view("mmm", atMs: 50).record))
    #expect(text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != 0x3E })
  }

  @Test func aPlaceIsTheSameWhateverComesAndGoes() throws {
    let cursor = try query(
      "cursor=\(SandboxListQuery.Cursor(view("mmm", atMs: 50).record).text)")
    #expect(!cursor.matches(view("mmm", atMs: 50)))
    #expect(cursor.matches(view("mml", atMs: 50)) && !cursor.matches(view("mmn", atMs: 50)))
    #expect(cursor.matches(view("zzz", atMs: 49)) && !cursor.matches(view("aaa", atMs: 51)))
  }
}

extension HTTPQuery.Item {
  fileprivate init(name: String, value: String) {
    self = try! HTTPQuery(
      "\(PercentEncoding.queryValue(name))=\(PercentEncoding.queryValue(value))"
    ).items[
      0]
  }
}
