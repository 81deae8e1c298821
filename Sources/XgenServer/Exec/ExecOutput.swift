/// Where a command's output comes from.
enum ExecSource: Sendable {
  case stdout, stderr
}

/// Where a command's output goes.
@LoopActor
protocol ExecOutput: AnyObject {
  /// The command runs.
  func begin()
  /// Takes a piece, lent for the call; an error ends the command.
  func receive(_ bytes: UnsafeRawBufferPointer, from source: ExecSource) throws(APIError)
  /// No more should come until `onReady` is called.
  var isCongested: Bool { get }
  var onReady: (() -> Void)? { get set }
  /// Whether a line of our own can follow on stderr.
  var stderrIsAtLineStart: Bool { get }
}

/// What a command has written, as far as it is kept.
struct CapturedOutput: Sendable {
  var stdout: [UInt8] = []
  var stderr: [UInt8] = []
  /// More came than is kept.
  var isTruncated = false

  func count(of source: ExecSource) -> Int {
    switch source {
    case .stdout: stdout.count
    case .stderr: stderr.count
    }
  }
}

/// Keeps the start of both streams, for an answer in one piece. Whoever makes it calls `release`
/// when the output is no longer held.
@LoopActor
final class ExecCapture: ExecOutput {
  private(set) var output = CapturedOutput()
  let isCongested = false
  var onReady: (() -> Void)?
  private let client: SidecarClient

  init(of client: SidecarClient) { self.client = client }

  /// Its share of the client's `capturedBytes`.
  private(set) var byteCount = 0

  var stderrIsAtLineStart: Bool { output.stderr.last.map { $0 == UInt8(ascii: "\n") } ?? true }

  func begin() {}

  func receive(_ bytes: UnsafeRawBufferPointer, from source: ExecSource) throws(APIError) {
    let kept = bytes.prefix(Limits.maxExecOutputBytes - output.count(of: source))
    try charge(kept.count)
    if kept.count < bytes.count { output.isTruncated = true }
    switch source {
    case .stdout: output.stdout.append(contentsOf: kept)
    case .stderr: output.stderr.append(contentsOf: kept)
    }
  }

  /// Takes so many bytes of what all execs may hold.
  func charge(_ count: Int) throws(APIError) {
    if client.capturedBytes + count > Limits.maxCapturedBytes {
      throw .capacityExhausted("too much output is being captured on this server")
    }
    client.capturedBytes += count
    byteCount += count
  }

  func refund(_ count: Int) {
    client.capturedBytes -= count
    byteCount -= count
  }

  /// Gives its share back.
  func release() { refund(byteCount) }
}
