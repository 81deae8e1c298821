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
  public var onDisconnect: (() -> Void)? {
    get { calls.disconnect }
    set { calls.disconnect = newValue }
  }
  /// What `onDisconnect` tells has happened, perhaps before it was set.
  public var hasDisconnected: Bool { clientHasLeft }
  /// The response's stream can take more.
  public var onDrain: (() -> Void)? {
    get { calls.drain }
    set { calls.drain = newValue }
  }
  /// Called once when the response was written or the peer is gone: status (0: none), bytes.
  public var onFinish: ((_ status: Int, _ bodyBytes: Int) -> Void)? {
    get { report }
    set { report = newValue }
  }

  /// What the handler wants to be called for while the exchange goes on.
  private struct Calls {
    var disconnect: (() -> Void)?
    var drain: (() -> Void)?
    var body: ((UnsafeRawBufferPointer) -> Void)?
    var bodyEnd: ((HTTPBodyError?) -> Void)?
  }

  private var calls = Calls()
  private var report: ((_ status: Int, _ bodyBytes: Int) -> Void)?
  private var clientHasLeft = false
  private var connection: HTTPConnection?
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
    peer = connection.peerAddress
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
    calls.body = onPiece
    calls.bodyEnd = onEnd
    wantsBody = true
    if sendsContinue, head.expectsContinue, !responseHasStarted {
      connection.write { HTTPEncoder.continueHead(into: &$0) }
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
    calls.body = nil
    calls.bodyEnd = nil
  }

  public func pauseBody() { connection?.pauseBody() }
  public func resumeBody() { connection?.wantBody() }

  func didReceiveBody(_ data: UnsafeRawBufferPointer) {
    if !data.isEmpty { calls.body?(data) }
  }

  func didEndBody() {
    let end = calls.bodyEnd
    stopBody()
    end?(nil)
  }

  func didFail(_ error: HTTPBodyError) {
    let end = calls.bodyEnd
    stopBody()
    end?(error)
  }

  // MARK: The response

  /// Answers with a whole body. For HEAD the body is left out, its length told.
  public func respond(
    _ status: Int, _ fields: [HTTPField] = [], _ more: [HTTPField] = [], body: [UInt8] = []
  ) {
    guard let connection, !responseHasStarted else { return }
    let framing: HTTPBodyFraming =
      status == 204 || status == 304 ? .none : .length(UInt64(body.count))
    let isSent = prepare(status, framing) && !body.isEmpty
    let isGathered = body.count <= HTTPOutbox.maxBytes
    connection.write { out in
      appendHead(fields, more, &out)
      if isSent && isGathered { out.append(body) }
    }
    if isSent {
      sentBytes = body.count
      if !isGathered { body.withUnsafeBytes { connection.write($0) } }
    }
    finish()
  }

  /// Starts a streamed body; nil for one of unknown length (chunked, or to the connection's end
  /// for HTTP/1.0).
  public func startResponse(_ status: Int, _ fields: [HTTPField] = [], length: UInt64? = nil) {
    guard let connection, !responseHasStarted else { return }
    let unknown: HTTPBodyFraming = head.version == .http11 ? .chunked : .untilClose
    _ = prepare(status, length.map { .length($0) } ?? unknown)
    connection.write { appendHead(fields, [], &$0) }
  }

  /// Notes what the response's head will say; whether it has a body on the wire.
  private func prepare(_ status: Int, _ framing: HTTPBodyFraming) -> Bool {
    responseHasStarted = true
    self.status = status
    self.framing = framing
    keepAlive = connection!.keepsAliveAfter(self) && framing != .untilClose
    return sendsBody
  }

  private func appendHead(_ fields: [HTTPField], _ more: [HTTPField], _ out: inout ByteBuffer) {
    guard let date = connection?.server.currentDate() else { return }
    HTTPEncoder.responseHead(
      status, first: date, fields: fields, more, framing: framing, keepAlive: keepAlive,
      to: head.version, into: &out)
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
    guard framing == .chunked else { return connection.write(bytes) }
    connection.write { HTTPEncoder.chunk(bytes, into: &$0) }
  }

  /// Ends a streamed body. One that is shorter than it was told to be ends the connection: there
  /// is no other way to say so.
  public func end() {
    guard let connection, responseHasStarted else { return }
    if case .length(let told) = framing, sendsBody, sentBytes < Int(told) { return abort() }
    if framing == .chunked && sendsBody {
      connection.write { HTTPEncoder.lastChunk(into: &$0) }
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
    let report = report
    self.report = nil
    report?(status, sentBytes)
  }

  // MARK: Upgrade

  /// Switches protocols: writes the 101 and hands the stream over, paused, with the bytes that
  /// came behind the request. The new owner calls `didClose` once the stream has closed. Nil if
  /// the peer is gone or the request has a body.
  ///
  /// `forRelay`: a `WebSocketRelay` takes it in the same call; the 101 goes out with its first
  /// frames.
  public func upgrade(_ fields: [HTTPField], forRelay: Bool = false) -> HTTPUpgrade? {
    guard let connection, !responseHasStarted, !isGone, head.framing.isEmpty else { return nil }
    _ = prepare(101, .none)
    if forRelay { connection.holdAnswer() }
    connection.write { appendHead(fields, [], &$0) }
    onDisconnect = nil
    return connection.upgrade()
  }

  /// As `upgrade`, with an answer that another server made.
  func upgrade(forwarding answer: borrowing ByteBuffer) -> HTTPUpgrade? {
    guard let connection, !responseHasStarted, !isGone, head.framing.isEmpty else { return nil }
    responseHasStarted = true
    status = 101
    onDisconnect = nil
    answer.withReadable { connection.write($0) }
    return connection.upgrade()
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
    connection?.write(bytes)
  }

  /// Writes an interim response as it is.
  func forwardInterim(_ status: Int, _ bytes: UnsafeRawBufferPointer) {
    if responseHasStarted { return }
    if status == 100 { isContinued = true }
    connection?.write(bytes)
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
    clientHasLeft = true
    didFail(.disconnected)
    let disconnected = onDisconnect
    onDisconnect = nil
    disconnected?()
  }

  func detach() {
    connection = nil
    reportFinish()
    calls = Calls()
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
