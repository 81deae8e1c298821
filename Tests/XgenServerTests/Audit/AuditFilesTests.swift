import Glibc
import TestSupport
import Testing

@testable import XgenServer

/// The audit log on a disk: written, set aside, torn, and read back page by page.
@Suite struct AuditFilesTests {
  private func record(_ number: Int, subject: String = "ann") -> AuditRecord {
    AuditRecord(
      timeMs: Int64(number), requestID: "r\(number)", subject: subject, role: .user,
      action: .sandboxCreate, sandbox: "s\(number % 3)", status: 201, peer: nil)
  }

  private func append(_ numbers: some Sequence<Int>, to files: AuditFiles) throws {
    for number in numbers { try files.append(record(number).line) }
  }

  /// Every page from the newest record to the oldest.
  private func pages(_ files: AuditFiles, _ query: AuditQuery) throws -> [AuditPage] {
    var query = query
    var pages: [AuditPage] = []
    repeat {
      let page = try AuditReader.page(of: files, query)
      pages.append(page)
      query.cursor = page.next.flatMap { AuditCursor($0.text) }
    } while query.cursor != nil && pages.count < 1_000
    return pages
  }

  private func ids(_ pages: [AuditPage]) -> [String] {
    pages.flatMap { $0.records }.map(\.requestID)
  }

  private func mode(_ path: String) -> mode_t {
    var info = stat()
    return stat(path, &info) == 0 ? info.st_mode & 0o777 : 0
  }

  @Test func theFileIsTheOwnersAlone() throws {
    try withTemporaryDirectory { folder in
      let files = AuditFiles(path: "\(folder)/a")
      try files.touch()
      #expect(mode(files.path) == 0o600)
      try append([1], to: files)
      #expect(mode(files.path) == 0o600)
    }
  }

  @Test(arguments: [1, 2, 3, 7, 100])
  func pagesHoldEveryRecordOnceTheNewestFirst(limit: Int) throws {
    try withTemporaryDirectory { folder in
      let files = AuditFiles(path: "\(folder)/a", maxBytes: 4_096)
      try append(0..<80, to: files)
      #expect(HostFiles.exists("\(folder)/a.1") && HostFiles.exists("\(folder)/a.2"))
      let pages = try pages(files, AuditQuery(limit: limit))
      #expect(ids(pages) == (0..<80).reversed().map { "r\($0)" })
      #expect(pages.dropLast().allSatisfy { $0.records.count == limit })
      #expect(pages.last?.next == nil && pages.last?.records.isEmpty == false)
    }
  }

  @Test func theDiskIsBounded() throws {
    try withTemporaryDirectory { folder in
      let files = AuditFiles(path: "\(folder)/a", maxBytes: 4_096)
      try append(0..<500, to: files)
      let names = HostFiles.names(in: folder).sorted()
      #expect(names == ["a", "a.1", "a.2", "a.3", "a.4"])
      for name in names { #expect(try HostFiles.read("\(folder)/\(name)", limit: 4_096).count > 0) }
      let ids = ids(try pages(files, AuditQuery(limit: 10)))
      #expect(ids.first == "r499" && ids.count < 500)
      #expect(ids == (0..<500).reversed().prefix(ids.count).map { "r\($0)" })
    }
  }

  @Test func aCursorOutlivesTheRotationUntilItsFileIsGone() throws {
    try withTemporaryDirectory { folder in
      let files = AuditFiles(path: "\(folder)/a", maxBytes: 4_096)
      try append(0..<10, to: files)
      let first = try AuditReader.page(of: files, AuditQuery(limit: 4))
      let cursor = try #require(first.next)
      try append(10..<60, to: files)
      let second = try AuditReader.page(of: files, AuditQuery(limit: 4, cursor: cursor))
      #expect(second.records.map(\.requestID) == ["r5", "r4", "r3", "r2"])
      try append(60..<500, to: files)
      #expect(throws: AuditReadError.unknownCursor) {
        try AuditReader.page(of: files, AuditQuery(limit: 4, cursor: cursor))
      }
    }
  }

  @Test func aCursorBehindTheFilesEndIsUnknown() throws {
    try withTemporaryDirectory { folder in
      let files = AuditFiles(path: "\(folder)/a")
      try append(0..<10, to: files)
      let good = try #require(try AuditReader.page(of: files, AuditQuery(limit: 4)).next)
      let far = AuditCursor(file: good.file, offset: 1 << 40)
      #expect(throws: AuditReadError.unknownCursor) {
        try AuditReader.page(of: files, AuditQuery(cursor: far))
      }
      // In the middle of a line: that line is torn for it, the others are whole.
      let crooked = AuditCursor(file: good.file, offset: good.offset - 5)
      let page = try AuditReader.page(of: files, AuditQuery(cursor: crooked))
      #expect(page.records.map(\.requestID) == (0..<5).reversed().map { "r\($0)" })
    }
  }

  @Test func filtersBySandboxAndSubject() throws {
    try withTemporaryDirectory { folder in
      let files = AuditFiles(path: "\(folder)/a", maxBytes: 4_096)
      for number in 0..<30 {
        try files.append(record(number, subject: number % 2 == 0 ? "ann" : "bob").line)
      }
      let query = AuditQuery(limit: 2, sandbox: "s0", subject: "bob")
      #expect(ids(try pages(files, query)) == ["r27", "r21", "r15", "r9", "r3"])
      #expect(ids(try pages(files, AuditQuery(subject: "b"))) == [])
    }
  }

  @Test func aTornLineIsSkippedAndStaysAlone() throws {
    try withTemporaryDirectory { folder in
      let files = AuditFiles(path: "\(folder)/a")
      try append([1], to: files)
      let whole = try HostFiles.read(files.path, limit: 1 << 20)
      let torn = whole + record(2).line.dropLast(9)
      try HostFiles.replace(files.path, torn, mode: 0o600, durable: false)
      #expect(ids(try pages(files, AuditQuery())) == ["r1"])
      try append([3], to: files)
      #expect(ids(try pages(files, AuditQuery())) == ["r3", "r1"])
      let bytes = try HostFiles.read(files.path, limit: 1 << 20)
      #expect(bytes == torn + [0x0A] + record(3).line)
    }
  }

  @Test func aHostileFileYieldsItsGoodLinesOnly() throws {
    try withTemporaryDirectory { folder in
      let files = AuditFiles(path: "\(folder)/a")
      let long = [UInt8](repeating: 0x7B, count: 300_000)
      let deep = [UInt8](repeating: 0x5B, count: 10_000)
      let bytes =
        long + [0x0A] + record(1).line + deep + [0x0A, 0x0A, 0xFF, 0x00, 0x0A]
        + record(2).line + long
      try HostFiles.replace(files.path, bytes, mode: 0o600, durable: false)
      #expect(ids(try pages(files, AuditQuery())) == ["r2", "r1"])
    }
  }

  @Test func oneCallLooksThroughSoMuchAndGoesOnWithItsCursor() throws {
    try withTemporaryDirectory { folder in
      let files = AuditFiles(path: "\(folder)/a")
      try files.append(record(1, subject: "rare").line)
      let filler = Array((0..<200).map { record($0).line }.joined())
      for _ in 0..<(2 * AuditLimits.maxScanBytes / filler.count + 1) { try files.append(filler) }
      let pages = try pages(files, AuditQuery(subject: "rare"))
      #expect(pages.count > 1 && pages.first?.records.isEmpty == true)
      #expect(ids(pages) == ["r1"] && pages.last?.next == nil)
    }
  }

  @Test func whatWasMovedAwayIsBegunAnew() throws {
    try withTemporaryDirectory { folder in
      let files = AuditFiles(path: "\(folder)/a")
      try append([1], to: files)
      rename(files.path, "\(folder)/a.1")
      try append([2], to: files)
      #expect(try HostFiles.read(files.path, limit: 1 << 20) == record(2).line)
      #expect(ids(try pages(files, AuditQuery())) == ["r2", "r1"])
    }
  }

  @Test func noFileIsAnEmptyLog() throws {
    try withTemporaryDirectory { folder in
      let page = try AuditReader.page(of: AuditFiles(path: "\(folder)/a"), AuditQuery())
      #expect(page == AuditPage())
    }
  }

  @Test func aFifoIsRefusedAndDoesNotBlock() throws {
    try withTemporaryDirectory { folder in
      mkfifo("\(folder)/a", 0o600)
      #expect(throws: LocalError.self) { try AuditFiles(path: "\(folder)/a").touch() }
    }
  }
}
