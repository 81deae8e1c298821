internal import Logging
internal import Reactor

/// Where audit records go.
enum AuditSink: Sendable, Equatable {
  case files(AuditFiles)
  /// Beside the log's lines.
  case standardError
}

/// The audit log: lines are queued on the loop and written by a worker, in order, a batch at a
/// time: a record after a quiet time at once, the next ones together `AuditLimits.gatherMs` later.
///
/// A disk that can't keep up costs records, never memory: what does not fit into the queue is
/// counted and said loudly.
@LoopActor
final class AuditLog {
  let sink: AuditSink
  /// Records that were lost since the start.
  private(set) var droppedCount = 0
  private let workers: WorkerPool
  private let log: Logger
  /// Lines that wait for a worker, and those that one writes or failed to write.
  private var waiting: [UInt8] = []
  private var batch: [UInt8] = []
  private var batchCount = 0
  /// Records taken in, and those of them that are written.
  private var recordedCount = 0
  private var writtenCount = 0
  private var isWriting = false
  /// The last write failed, or there was no worker for it.
  private var isFailing = false
  private var isClosing = false
  private var retry: CheckedContinuation<Void, Never>?
  private var retryTimer: Timer?
  private var settling: [CheckedContinuation<Void, Never>] = []
  private var dropReportedAtMs: UInt64?

  init(_ sink: AuditSink, workers: WorkerPool, log: Logger) {
    self.sink = sink
    self.workers = workers
    self.log = log
  }

  var path: String? {
    if case .files(let files) = sink { files.path } else { nil }
  }

  // MARK: Writing

  func record(_ record: AuditRecord) {
    let line = record.line
    if waiting.count + batch.count + line.count > AuditLimits.maxPendingBytes { return drop(1) }
    waiting += line
    recordedCount += 1
    if isWriting { return }
    isWriting = true
    LoopActor.task { await self.drain() }
  }

  private func drop(_ count: Int) {
    droppedCount += count
    let now = LoopActor.loop.nowMs
    if let last = dropReportedAtMs, now - last < AuditLimits.dropReportMs { return }
    dropReportedAtMs = now
    log.error("audit records are lost", metadata: ["dropped": "\(droppedCount)"])
  }

  private func drain() async {
    while !waiting.isEmpty || !batch.isEmpty {
      if batch.isEmpty { takeBatch() }
      if let problem = await write(batch) {
        log.error("the audit log can't be written", metadata: ["error": "\(problem)"])
        isFailing = true
        if isClosing { break }
        settle()
        await pause(ms: AuditLimits.retryMs)
      } else {
        isFailing = false
        batch = []
        writtenCount += batchCount
        settle()
        // Under load a worker is called for many records, not for each.
        if !isClosing, waiting.count < maxBatchBytes { await pause(ms: AuditLimits.gatherMs) }
      }
    }
    isWriting = false
    settle()
  }

  /// A batch stands in one file, which must not outgrow its limit by it.
  private var maxBatchBytes: Int {
    guard case .files(let files) = sink else { return AuditLimits.batchBytes }
    return min(AuditLimits.batchBytes, files.maxBytes)
  }

  private func takeBatch() {
    if waiting.count <= maxBatchBytes {
      swap(&batch, &waiting)
      batchCount = recordedCount - writtenCount
      return
    }
    let lastEnd = waiting[..<maxBatchBytes].lastIndex(of: 0x0A) ?? waiting.firstIndex(of: 0x0A)
    let end = lastEnd.map { $0 + 1 } ?? waiting.count
    batch = Array(waiting[..<end])
    waiting.removeFirst(end)
    batchCount = batch.count { $0 == 0x0A }
  }

  /// Nil when it is written, else what is wrong.
  private func write(_ batch: [UInt8]) async -> String? {
    let sink = sink
    do {
      return try await workers.run {
        switch sink {
        case .files(let files):
          return Self.problem { () throws(LocalError) in try files.append(batch) }
        case .standardError:
          batch.withUnsafeBytes { StandardStream.error.write($0) }
          return nil
        }
      }
    } catch {
      return "no worker was free"
    }
  }

  private nonisolated static func problem(_ work: () throws(LocalError) -> Void) -> String? {
    do throws(LocalError) { try work() } catch { return "\(error)" }
    return nil
  }

  /// Before the next write; who waits for it cuts it short.
  private func pause(ms: UInt64) async {
    retryTimer = LoopActor.loop.after(ms: ms) { [self] in goOn() }
    await withCheckedContinuation { retry = $0 }
  }

  private func goOn() {
    retryTimer?.cancel()
    retryTimer = nil
    let waiting = retry
    retry = nil
    waiting?.resume()
  }

  /// Returns when all that was recorded so far is written, or can't be for now.
  private func waitUntilWritten() async {
    let target = recordedCount
    if !isFailing { goOn() }
    while isWriting, writtenCount < target, !isFailing || isClosing {
      await withCheckedContinuation { settling.append($0) }
    }
  }

  private func settle() {
    let waiting = settling
    settling = []
    for waiter in waiting { waiter.resume() }
  }

  // MARK: Life

  /// After a SIGHUP: the file is there again under its name, for whoever has moved it away.
  func reopen() async {
    await waitUntilWritten()
    guard case .files(let files) = sink else { return }
    // Where no worker is free the next record makes it.
    let problem = try? await workers.run {
      Self.problem { () throws(LocalError) in try files.touch() }
    }
    if let problem {
      log.error("the audit log can't be opened", metadata: ["error": "\(problem)"])
    }
  }

  /// Writes what waits, with one last attempt where the disk fails.
  func close() async {
    isClosing = true
    goOn()
    await waitUntilWritten()
    if recordedCount == writtenCount { return }
    drop(recordedCount - writtenCount)
    writtenCount = recordedCount
    waiting = []
    batch = []
  }

  // MARK: Reading

  func page(_ query: AuditQuery) async throws(APIError) -> AuditPage {
    guard case .files(let files) = sink else { throw Self.notKept }
    await waitUntilWritten()
    let result: Result<AuditPage, AuditReadError>
    do {
      result = try await workers.run {
        Result { () throws(AuditReadError) in
          try AuditReader.page(of: files, query)
        }
      }
    } catch {
      throw .capacityExhausted("the server is busy with other files")
    }
    do throws(AuditReadError) { return try result.get() } catch {
      switch error {
      case .unknownCursor:
        throw .notFound("the log has nothing at this cursor any more; begin anew")
      case .file(let problem): throw .intern("the audit log can't be read: \(problem)")
      }
    }
  }

  /// Of a log that goes elsewhere, or nowhere.
  static var notKept: APIError {
    APIError.notFound("this server keeps no audit log that it could read")
      .with(details: "--audit-log is 'stderr' or 'none'")
  }
}
