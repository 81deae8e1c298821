/// Why a request's body could not be read.
public enum HTTPBodyError: Error, Equatable, Sendable {
  /// More than the route takes.
  case tooLarge
  case malformed(HTTPParseError)
  /// The peer stopped sending, or is gone.
  case timedOut, disconnected
}

/// One request and its response, as a handler sees them. The handler keeps it until it has
/// answered; every exchange must be answered, upgraded or aborted.
public final class HTTPExchange {
  public let head: HTTPRequestHead
  public let peer: SocketAddress?
  /// It came over TLS.
  public let isEncrypted: Bool
  /// The peer is gone, or has ended its direction while it waits for the response. Called at
  /// most once, and not after the response.
  public var onDisconnect: (() -> Void)?
  /// What `onDisconnect` tells has happened, perhaps before it was set.
  public private(set) var hasDisconnected = false
  /// The response's stream can take more.
  public var onDrain: (() -> Void)?
  /// Called once when the response was written or the peer is gone: status (0: none), bytes.
  public var onFinish: ((_ status: Int, _ bodyBytes: Int) -> Void)?

  private var connection: HTTPConnection?
  private var onBody: ((UnsafeRawBufferPointer) -> Void)?
  private var onBodyEnd: ((HTTPBodyError?) -> Void)?
  private(set) var wantsBody = false
  /// The client has been told to send the body that it holds back.
  private(set) var isContinued = false
  private(set) var responseHasStarted = false
  private var framing = HTTPBodyFraming.none
  private var keepAlive = true
  private var status = 0
  private var sentBytes = 0

  init(connection: HTTPConnection, head: HTTPRequestHead) {
    self.connection = connection
    self.head = head
    peer = connection.stream.peerAddress
    isEncrypted = connection.stream.isEncrypted
  }

  public var loop: Loop? { connection?.server.loop }
  /// The peer can't be answered any more.
  public var isGone: Bool { connection == nil || connection!.stream.isClosing }
  /// Producers of a streamed body pause until `onDrain`.
  public var isCongested: Bool { connection?.stream.isCongested ?? false }

  // MARK: The request's body

  /// Streams the body: pieces as they come (lent for the call), then the end, with an error if
  /// it was not whole. Answers `Expect: 100-continue`, unless somebody else does.
  public func readBody(
    sendsContinue: Bool = true, _ onPiece: @escaping (UnsafeRawBufferPointer) -> Void,
    onEnd: @escaping (HTTPBodyError?) -> Void
  ) {
    guard let connection else { return onEnd(.disconnected) }
    if connection.bodyIsComplete { return onEnd(nil) }
    onBody = onPiece
    onBodyEnd = onEnd
    wantsBody = true
    if sendsContinue, head.expectsContinue, !responseHasStarted {
      var out = ByteBuffer()
      HTTPEncoder.continueHead(into: &out)
      connection.stream.write(out)
      isContinued = true
    }
    connection.wantBody()
  }

  /// Collects the whole body.
  public func readBody(
    maxBytes: Int, _ completion: @escaping (Result<[UInt8], HTTPBodyError>) -> Void
  ) {
    if case .length(let count) = head.framing, count > UInt64(maxBytes) {
      return completion(.failure(.tooLarge))
    }
    var collected: [UInt8] = []
    var finish: ((Result<[UInt8], HTTPBodyError>) -> Void)? = completion
    readBody { [unowned self] piece in
      guard finish != nil else { return }
      if collected.count + piece.count > maxBytes {
        let done = finish
        finish = nil
        stopBody()
        done?(.failure(.tooLarge))
      } else {
        collected.append(contentsOf: piece)
      }
    } onEnd: { error in
      let done = finish
      finish = nil
      done?(error.map { .failure($0) } ?? .success(collected))
    }
  }

  private func stopBody() {
    onBody = nil
    onBodyEnd = nil
  }

  public func pauseBody() { connection?.pauseBody() }
  public func resumeBody() { connection?.wantBody() }

  func didReceiveBody(_ data: UnsafeRawBufferPointer) {
    if !data.isEmpty { onBody?(data) }
  }

  func didEndBody() {
    let end = onBodyEnd
    stopBody()
    end?(nil)
  }

  func didFail(_ error: HTTPBodyError) {
    let end = onBodyEnd
    stopBody()
    end?(error)
  }

  // MARK: The response

  /// Answers with a whole body. For HEAD the body is left out, its length told.
  public func respond(_ status: Int, _ fields: [HTTPField] = [], body: [UInt8] = []) {
    guard let connection, !responseHasStarted else { return }
    var out = ByteBuffer(capacity: 512 + body.count)
    let framing: HTTPBodyFraming =
      status == 204 || status == 304 ? .none : .length(UInt64(body.count))
    appendHead(status, fields, framing, &out)
    if sendsBody {
      out.append(body)
      sentBytes = body.count
    }
    connection.stream.write(out)
    finish()
  }

  /// Starts a streamed body; nil for one of unknown length (chunked, or to the connection's end
  /// for HTTP/1.0).
  public func startResponse(_ status: Int, _ fields: [HTTPField] = [], length: UInt64? = nil) {
    guard let connection, !responseHasStarted else { return }
    let unknown: HTTPBodyFraming = head.version == .http11 ? .chunked : .untilClose
    var out = ByteBuffer(capacity: 512)
    appendHead(status, fields, length.map { .length($0) } ?? unknown, &out)
    connection.stream.write(out)
  }

  private func appendHead(
    _ status: Int, _ fields: [HTTPField], _ framing: HTTPBodyFraming, _ out: inout ByteBuffer
  ) {
    responseHasStarted = true
    self.status = status
    self.framing = framing
    guard let connection else { return }
    keepAlive = connection.keepsAliveAfter(self) && framing != .untilClose
    HTTPEncoder.responseHead(
      status, fields: [connection.server.currentDate()] + fields, framing: framing,
      keepAlive: keepAlive, to: head.version, into: &out)
  }

  /// Whether the response has a body on the wire (RFC 9110 §6.4.1).
  private var sendsBody: Bool { head.method != .head && status != 204 && status != 304 }

  /// Writes a piece of a streamed body. What is beyond the length that was told is left out.
  public func write(_ bytes: UnsafeRawBufferPointer) {
    guard let connection, responseHasStarted, sendsBody else { return }
    var bytes = bytes
    if case .length(let told) = framing, bytes.count > Int(told) - sentBytes {
      bytes = UnsafeRawBufferPointer(rebasing: bytes[..<(Int(told) - sentBytes)])
    }
    if bytes.isEmpty { return }
    sentBytes += bytes.count
    guard framing == .chunked else { return connection.stream.write(bytes) }
    var out = ByteBuffer(capacity: bytes.count + 24)
    HTTPEncoder.chunk(bytes, into: &out)
    connection.stream.write(out)
  }

  /// Ends a streamed body. One that is shorter than it was told to be ends the connection: there
  /// is no other way to say so.
  public func end() {
    guard let connection, responseHasStarted else { return }
    if case .length(let told) = framing, sendsBody, sentBytes < Int(told) { return abort() }
    if framing == .chunked && sendsBody {
      var out = ByteBuffer()
      HTTPEncoder.lastChunk(into: &out)
      connection.stream.write(out)
    }
    finish()
  }

  /// Closes without an answer, or in the middle of one that can't be finished.
  public func abort() {
    connection?.abort()
  }

  private func finish() {
    onDisconnect = nil
    let connection = connection
    reportFinish()
    connection?.responseDidEnd(keepAlive: keepAlive)
  }

  private func reportFinish() {
    let report = onFinish
    onFinish = nil
    report?(status, sentBytes)
  }

  // MARK: Upgrade

  /// Switches protocols: writes the 101 and hands the stream over, paused, with the bytes that
  /// came behind the request. The new owner calls `didClose` once the stream has closed. Nil if
  /// the peer is gone or the request has a body.
  public func upgrade(_ fields: [HTTPField]) -> HTTPUpgrade? {
    guard let connection, !responseHasStarted, !isGone, head.framing.isEmpty else { return nil }
    var out = ByteBuffer()
    HTTPEncoder.responseHead(
      101, fields: [connection.server.currentDate()] + fields, framing: .none, into: &out)
    responseHasStarted = true
    status = 101
    onDisconnect = nil
    return connection.upgrade(answer: out)
  }

  /// As `upgrade`, with an answer that another server made.
  func upgrade(forwarding answer: borrowing ByteBuffer) -> HTTPUpgrade? {
    guard let connection, !responseHasStarted, !isGone, head.framing.isEmpty else { return nil }
    responseHasStarted = true
    status = 101
    onDisconnect = nil
    return connection.upgrade(answer: answer)
  }

  // MARK: Forwarding

  /// Begins a response that another server made and the caller writes with `forward`. Returns
  /// whether the connection can take another request after it, which the head must say if not;
  /// nil if there is nobody to answer.
  func beginForwarding(_ status: Int, _ framing: HTTPBodyFraming) -> Bool? {
    guard let connection, !responseHasStarted, !isGone else { return nil }
    responseHasStarted = true
    self.status = status
    self.framing = framing
    keepAlive = connection.keepsAliveAfter(self) && framing != .untilClose
    return keepAlive
  }

  /// Writes bytes of the response that has begun as they are.
  func forward(_ bytes: UnsafeRawBufferPointer, bodyByteCount: Int) {
    sentBytes += bodyByteCount
    connection?.stream.write(bytes)
  }

  /// Writes an interim response as it is.
  func forwardInterim(_ status: Int, _ bytes: UnsafeRawBufferPointer) {
    if responseHasStarted { return }
    if status == 100 { isContinued = true }
    connection?.stream.write(bytes)
  }

  func endForwarding() { finish() }

  /// Whether bytes have come behind the request's head.
  var hasBodyWaiting: Bool { connection?.hasInput ?? false }

  /// Appends the line of the Date that our own responses have.
  public func appendDate(to buffer: inout ByteBuffer) {
    guard let date = connection?.server.currentDate() else { return }
    buffer.append("Date: ")
    buffer.append(utf8: date.value)
    buffer.append("\r\n")
  }

  // MARK: What the connection tells

  func didDrain() { onDrain?() }

  func didDisconnect() {
    hasDisconnected = true
    didFail(.disconnected)
    let disconnected = onDisconnect
    onDisconnect = nil
    disconnected?()
  }

  func detach() {
    connection = nil
    reportFinish()
    onDrain = nil
    onDisconnect = nil
    stopBody()
  }
}

/// A stream that has left HTTP. Owned by one protocol after it.
public final class HTTPUpgrade {
  public let stream: any ByteStream
  /// What came behind the upgrade's head: the new protocol's first bytes.
  public var leftover: ByteBuffer
  /// The peer has ended its direction: behind the leftover comes nothing, and the stream does not
  /// say so again.
  public let peerHasEnded: Bool
  /// To be called once when the stream has closed; the server counts its connections by it.
  public let didClose: () -> Void

  init(
    stream: any ByteStream, leftover: consuming ByteBuffer, peerHasEnded: Bool = false,
    didClose: @escaping () -> Void
  ) {
    self.stream = stream
    self.leftover = leftover
    self.peerHasEnded = peerHasEnded
    self.didClose = didClose
  }
}
