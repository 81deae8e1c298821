import Glibc
import Logging
import Reactor
import ServerTestSupport
import TestSupport
import Testing

@testable import XgenServer

/// The queue between the loop and the disk.
@Suite struct AuditLogTests {
  private static let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

  private static func with(
    maxFileBytes: Int = AuditLimits.defaultFileBytes,
    _ body: @escaping @Sendable @LoopActor (AuditLog, _ folder: String) async throws -> Void
  ) async throws {
    try await TestLoop.run {
      var template = Array("/tmp/xgen-audit-XXXXXX".utf8CString)
      let folder = template.withUnsafeMutableBufferPointer {
        String(cString: mkdtemp($0.baseAddress!))
      }
      let workers = WorkerPool(loop: LoopActor.loop, maxThreads: 2)
      let log = AuditLog(
        .files(AuditFiles(path: "\(folder)/a", maxBytes: maxFileBytes)), workers: workers,
        log: quiet)
      defer { try? SandboxRemoval.removeTree(folder) }
      do { try await body(log, folder) } catch {
        await log.close()
        workers.close()
        throw error
      }
      await log.close()
      workers.close()
    }
  }

  private static func record(_ number: Int, _ id: String = "r") -> AuditRecord {
    AuditRecord(
      timeMs: 0, requestID: "\(id)\(number)", subject: "ann", role: .user,
      action: .sandboxCreate, sandbox: nil, status: 201, peer: nil)
  }

  private static func ids(_ page: AuditPage) -> [String] { page.records.map(\.requestID) }

  @Test func writesInOrderAndACallSeesWhatWasRecordedBefore() async throws {
    try await Self.with { log, _ in
      for number in 0..<500 { log.record(Self.record(number)) }
      let page = try await log.page(AuditQuery(limit: 500))
      #expect(Self.ids(page) == (0..<500).reversed().map { "r\($0)" })
      #expect(log.droppedCount == 0)
    }
  }

  @Test func closeWritesAllThatWaits() async throws {
    try await Self.with { log, folder in
      for number in 0..<2_000 { log.record(Self.record(number)) }
      await log.close()
      let bytes = try HostFiles.read("\(folder)/a", limit: 1 << 30)
      #expect(bytes.filter { $0 == 0x0A }.count == 2_000 && log.droppedCount == 0)
    }
  }

  @Test func recordsThatComeAtOnceDoNotOutgrowAFile() async throws {
    try await Self.with(maxFileBytes: 4096) { log, folder in
      for number in 0..<100 { log.record(Self.record(number)) }
      await log.close()
      var lines = 0
      for path in AuditFiles(path: "\(folder)/a").paths where access(path, F_OK) == 0 {
        let bytes = try HostFiles.read(path, limit: 1 << 20)
        #expect(bytes.count <= 4096, "\(path)")
        lines += bytes.filter { $0 == 0x0A }.count
      }
      #expect(lines == 100 && log.droppedCount == 0)
    }
  }

  @Test func aDiskThatFailsCostsRecordsAndNoMemory() async throws {
    try await Self.with { log, folder in
      mkdir("\(folder)/a", 0o700)  // no file can be written there
      let line = Self.record(0, String(repeating: "x", count: 900))
      for _ in 0..<2 * AuditLimits.maxPendingBytes / 900 { log.record(line) }
      #expect(log.droppedCount > 1_000)
      // A call waits for no disk that fails; what it finds is what is there.
      await #expect(throws: APIError.self) { try await log.page(AuditQuery()) }
      let dropped = log.droppedCount
      rmdir("\(folder)/a")
      await log.close()  // tries once more, at once
      #expect(log.droppedCount == dropped)
      let bytes = try HostFiles.read("\(folder)/a", limit: 1 << 30)
      #expect(bytes.count <= AuditLimits.maxPendingBytes && bytes.count > 1 << 20)
    }
  }

  @Test func closeGivesUpADiskThatFailsAndCountsTheLoss() async throws {
    try await Self.with { log, folder in
      mkdir("\(folder)/a", 0o700)
      for number in 0..<10 { log.record(Self.record(number)) }
      await log.close()
      #expect(log.droppedCount == 10)
    }
  }

  @Test func reopenMakesTheFileAnew() async throws {
    try await Self.with { log, folder in
      log.record(Self.record(1))
      _ = try await log.page(AuditQuery())
      rename("\(folder)/a", "\(folder)/moved")
      await log.reopen()
      #expect(HostFiles.exists("\(folder)/a"))
      log.record(Self.record(2))
      #expect(Self.ids(try await log.page(AuditQuery())) == ["r2"])
    }
  }

  @Test func aCursorThatIsGoneIs400() async throws {
    try await Self.with { log, _ in
      log.record(Self.record(1))
      let cursor = AuditCursor(
        file: AuditFileIdentity(digest: .init(repeating: 7, count: 8)), offset: 0)
      do throws(APIError) {
        _ = try await log.page(AuditQuery(cursor: cursor))
        Issue.record("no error")
      } catch {
        #expect(error.status == 404 && error.message.contains("cursor"))
      }
    }
  }
}
