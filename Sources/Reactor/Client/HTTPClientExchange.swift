/// One request of ours and its response, as its maker sees them.
///
/// Set the callbacks, then start it over a stream of its own or on a pool. They run on the loop,
/// never within a call of the maker's, in this order: `onHead`, `onBody` any number of times,
/// `onEnd` once; or `onUpgrade` alone. After `cancel()` none runs.
public final class HTTPClientExchange {
  public let request: HTTPClientRequest
  /// The final response's head; interim ones are passed over.
  public var onHead: ((HTTPResponseHead) -> Void)?
  /// A piece of the body, lent for the call.
  public var onBody: ((UnsafeRawBufferPointer) -> Void)?
  /// The response is whole, or why it never will be. It may come while reading is paused.
  public var onEnd: ((HTTPClientError?) -> Void)?
  /// The 101 of a request that asks for an upgrade, not checked further. The stream is paused.
  public var onUpgrade: ((HTTPResponseHead, HTTPUpgrade) -> Void)?
  /// The request's stream can take more.
  public var onDrain: (() -> Void)?

  private(set) var isReadingPaused = false
  /// Whether the whole request was handed to the stream.
  private(set) var requestHasEnded = false
  /// Sent once more, on a fresh connection.
  var isRepeated = false
  /// Finished or cancelled.
  private(set) var isOver = false
  private var sentBytes: UInt64 = 0
  private var connection: HTTPClientConnection?

  public init(_ request: HTTPClientRequest) { self.request = request }

  /// Sends the request over a stream of its own, which is closed afterwards. The stream may still
  /// be connecting.
  public func start(over stream: any ByteStream, limits: HTTPClientLimits = HTTPClientLimits()) {
    if isOver { return stream.close() }
    HTTPClientConnection(stream, limits: limits, owner: nil).start(self)
  }

  /// Ends it, whatever its state; nothing is called any more. Idempotent.
  public func cancel() {
    let connection = connection
    forget()
    connection?.cancel()
  }

  // MARK: The request's body

  /// Producers of a streamed body pause until `onDrain`.
  public var isCongested: Bool { connection?.stream.isCongested ?? false }

  /// Writes a piece of a streamed body. What is over the told length is cut off. Ignored when the
  /// exchange is over: a server may answer before it has read everything.
  public func write(_ bytes: UnsafeRawBufferPointer) {
    guard let connection, !requestHasEnded, !bytes.isEmpty else { return }
    switch request.framing {
    case .length(let told):
      let count = Int(min(UInt64(bytes.count), told - sentBytes))
      sentBytes += UInt64(count)
      connection.write(UnsafeRawBufferPointer(rebasing: bytes[..<count]))
    case .chunked:
      var out = ByteBuffer(capacity: bytes.count + 24)
      HTTPEncoder.chunk(bytes, into: &out)
      out.withReadable { connection.write($0) }
    case .none, .untilClose: break
    }
  }

  public func write(_ bytes: [UInt8]) { bytes.withUnsafeBytes { write($0) } }

  /// Ends a streamed body. One that is shorter than it was told to be fails the exchange: there
  /// is no other way to say so.
  public func endBody() {
    guard let connection, !requestHasEnded else { return }
    switch request.framing {
    case .length(let told):
      if sentBytes < told { return connection.failSoon(.invalidRequest(.invalidContentLength)) }
    case .chunked:
      var out = ByteBuffer()
      HTTPEncoder.lastChunk(into: &out)
      out.withReadable { connection.write($0) }
    case .none, .untilClose: break
    }
    requestHasEnded = true
    connection.requestDidEnd()
  }

  // MARK: The response's body

  /// No piece comes until `resumeReading()`; the peer is held back.
  public func pauseReading() {
    isReadingPaused = true
    connection?.pauseReading()
  }

  public func resumeReading() {
    if !isReadingPaused { return }
    isReadingPaused = false
    connection?.resumeReading()
  }

  // MARK: What the connection tells

  func attach(to connection: HTTPClientConnection) {
    self.connection = connection
    sentBytes = 0
    if case .bytes = request.body { requestHasEnded = true }
  }

  func didReceiveHead(_ head: HTTPResponseHead) { onHead?(head) }
  func didReceiveBody(_ data: UnsafeRawBufferPointer) { onBody?(data) }
  func didDrain() { if !requestHasEnded { onDrain?() } }

  func finish(_ error: HTTPClientError?) {
    let end = onEnd
    forget()
    end?(error)
  }

  func finish(_ head: HTTPResponseHead, _ upgrade: HTTPUpgrade) {
    guard let upgraded = onUpgrade else { return upgrade.stream.close() }
    forget()
    upgraded(head, upgrade)
  }

  /// Lets go of the connection and of what the callbacks hold.
  private func forget() {
    isOver = true
    requestHasEnded = true
    connection = nil
    onHead = nil
    onBody = nil
    onEnd = nil
    onUpgrade = nil
    onDrain = nil
  }
}
