import Glibc
import Logging
import Reactor
import ServerTestSupport
import Testing

@testable import XgenServer

@Suite struct LedgerEntryTests {
  static let claim = IdempotencyClaim(
    key: IdempotencyKey(owner: "ci \"x\"", text: "k"), bodyHash: "00ff", sandboxID: "abc",
    createdAtMs: 1_700_000_000_000, status: .running, expiresAtMs: 1_700_003_600_000)
  static let stone = Tombstones.Entry(
    id: "abc", owner: "ci", end: .expired, atMs: 1_700_000_000_000)
  static let all: [LedgerEntry] = [.claim(claim), .end(stone)]

  @Test(arguments: all) func isReadAsItWasWritten(entry: LedgerEntry) {
    #expect(entry.line.last == UInt8(ascii: "\n"))
    #expect(LedgerEntry(line: entry.line.dropLast()) == entry)
  }

  @Test(arguments: all) func aLineThatWasCutOffIsPassedOver(entry: LedgerEntry) {
    let line = entry.line.dropLast()
    for count in 0..<line.count { #expect(LedgerEntry(line: line.prefix(count)) == nil) }
    let file = line.prefix(20) + [UInt8(ascii: "\n")] + entry.line
    #expect(LedgerEntry.entries(Array(file)) == [entry])
  }

  @Test(arguments: [
    "{}", "[]", "null", "7", #"{"end":"nonsense","owner":"a","id":"b","at_ms":1}"#,
    #"{"end":"expired","owner":"a","id":"b","at_ms":"1"}"#, #"{"end":"expired","at_ms":1}"#,
    #"{"key":"a","body":"b","owner":"c","id":"d","at_ms":1,"status":"x","expires_at_ms":2}"#,
    #"{"key":"a","body":"b","owner":"c","id":"d","at_ms":1.5,"status":"error","expires_at_ms":2}"#,
    // Times that nothing can be computed with.
    #"{"end":"expired","owner":"a","id":"b","at_ms":-9223372036854775808}"#,
    #"{"end":"expired","owner":"a","id":"b","at_ms":9223372036854775807}"#,
    #"{"key":"a","body":"b","owner":"c","id":"d","at_ms":-1,"status":"error","expires_at_ms":2}"#,
  ])
  func whatWasNotWrittenHereIsPassedOver(line: String) {
    #expect(LedgerEntry(line: Array(line.utf8)) == nil)
  }
}

@Suite struct LedgerTests {
  @LoopActor
  private final class Fixture {
    private let folder: String
    let workers = WorkerPool(loop: LoopActor.loop, maxThreads: 2)
    var path: String { folder + "/ledger" }

    init() {
      var template = Array("/tmp/xgen-ledger-XXXXXX".utf8CString)
      folder = template.withUnsafeMutableBufferPointer { String(cString: mkdtemp($0.baseAddress!)) }
    }

    func end() async {
      let folder = folder
      _ = try? await workers.run { try? SandboxRemoval.removeTree(folder) }
      workers.close()
    }

    func open(
      at nowMs: Int64 = 0, adopting records: [SandboxRecord] = []
    ) async throws -> Ledger {
      let ledger = Ledger(
        storage: .init(file: LedgerFile(path: path), workers: workers),
        log: LocalFixture.quiet)
      try await ledger.load(adopting: records, nowMs: nowMs)
      return ledger
    }

    func text() throws -> String {
      String(decoding: try HostFiles.read(path, limit: 1 << 24), as: UTF8.self)
    }
  }

  @LoopActor
  private final class Notes {
    var lines: [String] = []

    func wait(for key: IdempotencyKey, in ledger: Ledger) async {
      await ledger.waitForFirst(key)
      lines.append("waited")
    }
  }

  private static func with(
    _ body: @escaping @Sendable @LoopActor (Fixture) async throws -> Void
  ) async throws {
    try await TestLoop.run {
      let fixture = Fixture()
      do { try await body(fixture) } catch {
        await fixture.end()
        throw error
      }
      await fixture.end()
    }
  }

  private static func request(_ text: String = "k", _ body: String = "{}") -> IdempotentRequest {
    IdempotentRequest(owner: "ann", text: text, body: Array(body.utf8))
  }

  private static func claim(_ request: IdempotentRequest, atMs: Int64 = 0) -> IdempotencyClaim {
    IdempotencyClaim(
      key: request.key, bodyHash: request.mark.bodyHash, sandboxID: "abc", createdAtMs: atMs,
      status: .running, expiresAtMs: 99)
  }

  @Test func aKeptKeyIsKnownToTheNextServer() async throws {
    try await Self.with { fixture in
      let request = Self.request()
      let first = try await fixture.open()
      #expect(first.begin(request, nowMs: 0) == .isNew)
      try await first.keep(Self.claim(request))
      let second = try await fixture.open(at: 5)
      #expect(second.begin(request, nowMs: 5) == .isAnswered(Self.claim(request)))
      #expect(second.begin(Self.request("k", "other"), nowMs: 5) == .differs)
      let third = try await fixture.open(at: Limits.idempotencyMs)
      #expect(third.begin(request, nowMs: Limits.idempotencyMs) == .isNew)
      #expect(try fixture.text() == "")
    }
  }

  @Test func anEndIsKnownToTheNextServerForFiveMinutes() async throws {
    try await Self.with { fixture in
      let first = try await fixture.open()
      let stone = Tombstones.Entry(id: "abc", owner: "ann", end: .deleted, atMs: 1000)
      await first.add([stone])
      #expect(first.end(of: "abc") == stone)
      #expect(try await fixture.open(at: 300_999).end(of: "abc") == stone)
      #expect(try await fixture.open(at: 301_000).end(of: "abc") == nil)
    }
  }

  @Test func aSandboxWhoseServerDiedBeforeTheAnswerIsNotMadeTwice() async throws {
    try await Self.with { fixture in
      var record = LocalFixture.record("abc")
      let request = IdempotentRequest(owner: record.owner, text: "key-1", body: [])
      record.expiresAtMs += 1
      let ledger = try await fixture.open(at: record.createdAtMs, adopting: [record])
      #expect(ledger.begin(request, nowMs: record.createdAtMs) == .differs)
      // And it is written down at once, since the sandbox may be gone before the next start.
      let next = try await fixture.open(at: record.createdAtMs)
      #expect(next.begin(request, nowMs: record.createdAtMs) == .differs)
    }
  }

  @Test func theSecondRequestWaitsForTheFirst() async throws {
    try await Self.with { fixture in
      let request = Self.request()
      let ledger = try await fixture.open()
      #expect(ledger.begin(request, nowMs: 0) == .isNew)
      #expect(ledger.begin(request, nowMs: 0) == .isUnderWay)
      let notes = Notes()
      let waiter = LoopActor.task { await notes.wait(for: request.key, in: ledger) }
      await turns(2)
      notes.lines.append("kept")
      try await ledger.keep(Self.claim(request))
      await waiter.value
      #expect(notes.lines == ["kept", "waited"])
    }
  }

  @Test func afterATornLineTheNextOneIsWhole() async throws {
    try await Self.with { fixture in
      let ledger = try await fixture.open()
      try LedgerFile(path: fixture.path).append(Array("{\"key\":\"a".utf8), durable: false)
      try await ledger.keep(Self.claim(Self.request()))
      let next = try await fixture.open()
      #expect(next.begin(Self.request(), nowMs: 0) == .isAnswered(Self.claim(Self.request())))
    }
  }

  @Test func theFileIsWrittenAnewBeforeItGrowsTooLarge() async throws {
    try await Self.with { fixture in
      let ledger = try await fixture.open()
      try await ledger.keep(Self.claim(Self.request()))
      for round in 0..<40 {
        await ledger.add(
          (0..<1000).map {
            Tombstones.Entry(id: "\(round)-\($0)", owner: "ann", end: .expired, atMs: 0)
          })
      }
      let size = try fixture.text().utf8.count
      #expect(size < 2 * Limits.minLedgerGrowthBytes)
      let next = try await fixture.open()
      #expect(next.begin(Self.request(), nowMs: 0) != .isNew && next.end(of: "39-999") != nil)
    }
  }

  @Test func whatCanNotBeKeptIsNotKnown() async throws {
    try await Self.with { fixture in
      let request = Self.request()
      let ledger = try await fixture.open()
      #expect(ledger.begin(request, nowMs: 0) == .isNew)
      unlink(fixture.path)
      mkdir(fixture.path, 0o700)
      await #expect(throws: LocalError.self) { try await ledger.keep(Self.claim(request)) }
      ledger.release(request.key)
      #expect(ledger.begin(request, nowMs: 0) == .isNew)
      await ledger.add([.init(id: "abc", owner: "ann", end: .expired, atMs: 0)])
      #expect(ledger.end(of: "abc") != nil)
    }
  }
}
