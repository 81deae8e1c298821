import Reactor

/// Streams a part of a file as a response's body: a worker reads a piece, the connection takes it,
/// and while that has enough the next one is not read.
final class FileDownload {
  private let exchange: HTTPExchange
  private let workers: WorkerPool
  private let file: OpenedFile
  private var rest: Range<UInt64>
  private var isReading = false

  private init(
    _ exchange: HTTPExchange, _ workers: WorkerPool, _ file: OpenedFile, _ range: Range<UInt64>
  ) {
    self.exchange = exchange
    self.workers = workers
    self.file = file
    rest = range
  }

  /// Precondition: the response's head is written, with the range's length. The exchange holds
  /// the download until it is over.
  static func start(
    _ exchange: HTTPExchange, _ workers: WorkerPool, _ file: OpenedFile, _ range: Range<UInt64>
  ) {
    let download = FileDownload(exchange, workers, file, range)
    exchange.onDrain = { download.next() }
    download.next()
  }

  private func next() {
    if isReading || exchange.isGone { return }
    if rest.isEmpty { return end() }
    if exchange.isCongested { return }
    let (file, offset) = (file, rest.lowerBound)
    let byteCount = Int(min(UInt64(SidecarLimits.filePieceBytes), UInt64(rest.count)))
    isReading = true
    do throws(WorkerPool.Full) {
      try workers.submit({
        Result { () throws(UVError) in try file.piece(at: offset, byteCount: byteCount) }
      }) { [self] in didRead($0) }
    } catch {
      exchange.abort()
    }
  }

  private func didRead(_ result: Result<[UInt8], UVError>) {
    isReading = false
    // A file that has become shorter than was told ends the connection, too.
    guard case .success(let bytes) = result, !bytes.isEmpty else { return exchange.abort() }
    rest = rest.lowerBound + UInt64(bytes.count)..<rest.upperBound
    bytes.withUnsafeBytes { exchange.write($0) }
    next()
  }

  private func end() {
    exchange.onDrain = nil
    exchange.end()
  }
}
