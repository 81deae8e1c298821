internal import Glibc

/// What a call of the audit log asks for.
struct AuditQuery: Sendable, Equatable {
  var limit = AuditLimits.defaultPage
  var cursor: AuditCursor?
  var sandbox: String?
  var subject: String?

  func wants(_ record: AuditRecord) -> Bool {
    (sandbox == nil || record.sandbox == sandbox) && (subject == nil || record.subject == subject)
  }
}

/// Records of the audit log, the newest first.
struct AuditPage: Sendable, Equatable {
  var records: [AuditRecord] = []
  /// Nil once the oldest record has been looked at.
  var next: AuditCursor?
}

enum AuditReadError: Error, Sendable, Equatable {
  /// The cursor's file is gone, or never was.
  case unknownCursor
  case file(LocalError)
}

/// Reads the audit log backwards, through all of its files. Blocks: workers only.
///
/// The files may grow and be renamed meanwhile: they are all opened first, from the newest to the
/// oldest, the way in which renaming moves them, so that none is missed.
struct AuditReader: ~Copyable {
  /// One of the log's files, open.
  private struct OpenFile {
    let descriptor: Int32
    let path: String
    let identity: AuditFileIdentity
    let size: Int
  }

  private var files: [OpenFile] = []
  private var scannedBytes = 0

  static func page(
    of log: AuditFiles, _ query: AuditQuery
  ) throws(AuditReadError) -> AuditPage {
    var reader = AuditReader()
    try reader.openAll(log)
    return try reader.page(query)
  }

  private init() {}

  deinit { for file in files { close(file.descriptor) } }

  private mutating func openAll(_ log: AuditFiles) throws(AuditReadError) {
    for path in log.paths {
      do throws(LocalError) {
        guard let file = try Self.open(path) else { continue }
        // Renamed between two openings: it is here already.
        if files.contains(where: { $0.identity == file.identity }) {
          close(file.descriptor)
        } else {
          files.append(file)
        }
      } catch {
        throw .file(error)
      }
    }
  }

  /// Nil if it is not there, or empty.
  private static func open(_ path: String) throws(LocalError) -> OpenFile? {
    let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    if descriptor < 0 {
      if errno == ENOENT { return nil }
      throw .last("open \(path)")
    }
    do throws(LocalError) {
      let size = try size(descriptor, path)
      let start = try read(descriptor, path, 0..<min(size, AuditLimits.identityBytes))
      if size > 0 {
        return OpenFile(
          descriptor: descriptor, path: path, identity: AuditFileIdentity(start: start), size: size)
      }
    } catch {
      close(descriptor)
      throw error
    }
    close(descriptor)
    return nil
  }

  private static func size(_ descriptor: Int32, _ path: String) throws(LocalError) -> Int {
    var info = stat()
    try attempt("stat \(path)") { fstat(descriptor, &info) }
    guard info.st_mode & S_IFMT == S_IFREG else {
      throw .program("\(path) is not a regular file")
    }
    return Int(info.st_size)
  }

  private static func read(
    _ descriptor: Int32, _ path: String, _ range: Range<Int>
  ) throws(LocalError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: range.count)
    var done = 0
    while done < bytes.count {
      let count = try attempt("read \(path)") {
        bytes.withUnsafeMutableBytes {
          pread(descriptor, $0.baseAddress! + done, $0.count - done, off_t(range.lowerBound + done))
        }
      }
      if count == 0 { throw .malformed("\(path) became shorter while it was read") }
      done += count
    }
    return bytes
  }

  // MARK: Pages

  /// At most `limit` records, and fewer, perhaps none, where `AuditLimits.maxScanBytes` ended the
  /// search: the page's cursor goes on.
  private mutating func page(_ query: AuditQuery) throws(AuditReadError) -> AuditPage {
    var page = AuditPage()
    var (index, end) = try start(query.cursor)
    while index < files.count {
      if let stopped = try scan(files[index], to: end, query, &page) {
        let isOldest = index == files.count - 1
        if stopped > 0 || !isOldest {
          page.next = AuditCursor(file: files[index].identity, offset: stopped)
        }
        return page
      }
      index += 1
      end = index < files.count ? files[index].size : 0
    }
    return page
  }

  private func start(_ cursor: AuditCursor?) throws(AuditReadError) -> (index: Int, end: Int) {
    guard let cursor else { return (0, files.first?.size ?? 0) }
    guard let index = files.firstIndex(where: { $0.identity == cursor.file }),
      cursor.offset <= files[index].size
    else { throw .unknownCursor }
    return (index, cursor.offset)
  }

  /// Where it stopped with the page full or the search over; nil at the file's start.
  private mutating func scan(
    _ file: OpenFile, to end: Int, _ query: AuditQuery, _ page: inout AuditPage
  ) throws(AuditReadError) -> Int? {
    var lines = ReverseLines(end: end)
    var stop = end
    while true {
      switch lines.next() {
      case .end: return nil
      case .read(let range):
        if scannedBytes >= AuditLimits.maxScanBytes { return stop }
        scannedBytes += range.count
        do throws(LocalError) {
          lines.add(try Self.read(file.descriptor, file.path, range))
        } catch {
          throw .file(error)
        }
      case .line(let line):
        if page.records.count == query.limit { return stop }
        stop = line.start
        if let record = AuditRecord(line: line.bytes), query.wants(record) {
          page.records.append(record)
        }
      }
    }
  }
}
