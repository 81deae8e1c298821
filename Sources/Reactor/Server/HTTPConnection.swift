// Over 250 lines: the server side of one HTTP/1.1 connection has one state, and every event that
// moves it stands here.

/// The server side of one HTTP/1.1 connection: requests in, responses out, in order.
///
/// ```
/// head ──▶ exchange (body in, response out) ──▶ head …
///   │          │                            └─▶ lingering ──▶ closed
///   │          └─▶ upgraded
///   └─(refused)──▶ lingering
/// ```
final class HTTPConnection: ByteStreamDelegate {
  private enum State { case head, exchange, lingering, upgraded, closed }

  let server: HTTPServer
  let stream: any ByteStream
  /// Nil on a Unix socket.
  let peerAddress: SocketAddress?
  /// Under which it is counted, if it is.
  let peer: PeerCounter.Key?
  private var state = State.head
  private var parser: HTTPRequestParser
  /// Bytes that came and are not used up: an unfinished head, or requests ahead of their turn.
  private var input = ByteBuffer()
  /// A head whose handler is to be called.
  private var parsedHead: HTTPRequestHead?
  /// Uses up what has come; answers are gathered meanwhile.
  private(set) var isPumping = false
  private var exchange: HTTPExchange?
  private var body = HTTPBodyReader(.none)
  private var responseIsDone = false
  private var keepsAlive = true
  private var peerEnded = false
  private var requestCount = 0
  private var deadlineMs: UInt64
  private var lastPending = 0

  init(
    server: HTTPServer, stream: any ByteStream, peerAddress: SocketAddress?,
    peer: PeerCounter.Key?
  ) {
    self.server = server
    self.stream = stream
    self.peerAddress = peerAddress
    self.peer = peer
    parser = HTTPRequestParser(limits: server.limits.head)
    // A handshake has a limit of its own.
    deadlineMs = stream.isEncrypted ? .max : server.loop.nowMs + server.limits.headMs
  }

  func start() {
    stream.delegate = self
    stream.resumeReading()
  }

  /// With what came behind the upgrade's head.
  func start(after upgrade: HTTPUpgrade) {
    start()
    var first = ByteBuffer()
    swap(&first, &upgrade.leftover)
    if !first.isEmpty { first.withMutableReadable { streamDidReceive($0) } }
    if upgrade.peerHasEnded { streamDidEnd() }
  }

  /// The end of TLS's handshake.
  func streamDidConnect() { deadlineMs = server.loop.nowMs + server.limits.headMs }

  // MARK: Input

  func streamDidReceive(_ bytes: UnsafeMutableRawBufferPointer) {
    if state != .head && state != .exchange { return }
    var used = 0
    if input.isEmpty { used = advance(UnsafeRawBufferPointer(bytes)) }
    keep(UnsafeRawBufferPointer(rebasing: bytes[used...]))
    pump()
  }

  /// Keeps what can't be used yet; too much of it stops the reading.
  private func keep(_ bytes: UnsafeRawBufferPointer) {
    if bytes.isEmpty || (state != .head && state != .exchange) { return }
    input.append(bytes)
    let limit = server.limits.head.maxHeadBytes + StreamLimits.readBytes
    if input.count > limit && (state == .exchange || stream.isCongested) { stream.pauseReading() }
  }

  /// Goes on for as long as something can be used up. The handler is called here, never from
  /// within the parsing, so that it may answer, read the body or upgrade at once.
  private func pump() {
    if isPumping { return }
    isPumping = true
    while true {
      if let head = parsedHead {
        parsedHead = nil
        begin(head)
      } else if !useInput() {
        break
      }
    }
    server.outbox.flush(self)
    if peerEnded { endOfInput() }
    isPumping = false
  }

  /// Goes on in a turn of its own, not within the handler's call.
  private func pumpSoon() {
    if !isPumping { server.loop.after(ms: 0) { [self] in pump() } }
  }

  /// The peer sends no more, and what it sent is used up as far as it goes now.
  private func endOfInput() {
    switch state {
    case .head where stream.isCongested: break  // the drain goes on
    case .head where parser.isMidHead:
      refuse(status: 400, reason: "the request ended early")
    case .head: closeAfterPending()
    case .exchange:
      if !body.isComplete && (responseIsDone || exchange?.wantsBody == true) { abort() }
    case .lingering: if stream.pendingByteCount == 0 { stream.close() }
    case .upgraded, .closed: break
    }
  }

  /// False if nothing was used up.
  private func useInput() -> Bool {
    if input.isEmpty { return false }
    // Taken out, since what it leads to may clear or hand over `input`.
    var work = ByteBuffer()
    swap(&work, &input)
    let used = work.withReadable { advance($0) }
    work.consume(used)
    if !work.isEmpty && (state == .head || state == .exchange) { swap(&work, &input) }
    return used > 0
  }

  /// Uses up what it can of the unread bytes, at most up to the end of a head; returns how many.
  private func advance(_ bytes: UnsafeRawBufferPointer) -> Int {
    var used = 0
    while used < bytes.count, parsedHead == nil {
      let rest = UnsafeRawBufferPointer(rebasing: bytes[used...])
      let step = state == .head ? readHead(rest) : readBody(rest)
      if step == 0 { break }
      used += step
    }
    return used
  }

  private func readHead(_ bytes: UnsafeRawBufferPointer) -> Int {
    // Who does not read its answers gets no more of them; the drain goes on.
    if stream.isCongested { return 0 }
    do throws(HTTPParseError) {
      let wasMidHead = parser.isMidHead
      // By a variable of its own: `parsedHead` is asked for with each event, and costs little
      // where nothing holds on to it for the length of a call.
      var head: HTTPRequestHead?
      let used = try parser.parse(bytes, into: &head)
      if let head { parsedHead = head }
      if used == 0 && !wasMidHead && parser.isMidHead {
        deadlineMs = server.loop.nowMs + server.limits.headMs
      }
      return used
    } catch {
      refuse(status: error.status, reason: error.reason)
      return bytes.count
    }
  }

  private func begin(_ head: consuming HTTPRequestHead) {
    requestCount += 1
    state = .exchange
    body = HTTPBodyReader(head.framing)
    responseIsDone = false
    keepsAlive =
      head.keepAlive && requestCount < server.limits.maxRequestsPerConnection
      && !server.isClosing
    deadlineMs = .max
    let exchange = HTTPExchange(connection: self, head: head)
    self.exchange = exchange
    server.handler(exchange)
  }

  private func readBody(_ bytes: UnsafeRawBufferPointer) -> Int {
    guard state == .exchange, !body.isComplete, let exchange else { return 0 }
    if !exchange.wantsBody && !responseIsDone { return 0 }
    do throws(HTTPParseError) {
      let (used, data) = try body.read(bytes)
      extendBodyTime(by: used)
      if let data { exchange.didReceiveBody(data) }
      // A handler that answered within the call has led on to the next request, or to the end.
      if body.isComplete, state == .exchange, self.exchange === exchange { bodyDidEnd() }
      return used
    } catch {
      exchange.didFail(.malformed(error))
      refuse(status: error.status, reason: error.reason)
      return bytes.count
    }
  }

  private func allowBodyTime() { deadlineMs = server.loop.nowMs + server.limits.bodyStallMs }

  /// Each byte is worth the time it has at the least rate, so that drips do not add up to hours;
  /// a burst earns no more than the whole stall time.
  private func extendBodyTime(by byteCount: Int) {
    if deadlineMs == .max { return }
    let now = server.loop.nowMs
    let earned = UInt64(byteCount) * 1000 / server.limits.minBodyBytesPerSecond
    deadlineMs = min(max(deadlineMs, now) + earned, now + server.limits.bodyStallMs)
  }

  private func bodyDidEnd() {
    deadlineMs = .max
    exchange?.didEndBody()
    finishIfDone()
  }

  func streamDidEnd() {
    peerEnded = true
    if state == .exchange {
      if body.isComplete && input.isEmpty { exchange?.didDisconnect() }
      if !body.isComplete && input.isEmpty { return abort() }
    }
    pump()
  }

  // MARK: What the exchange asks for

  /// Writes (a part of) an answer's head or a small piece of its body.
  func write(_ body: (inout ByteBuffer) -> Void) { server.outbox.write(for: self, body) }

  /// Writes a piece of a body, which is not copied if the stream takes it.
  func write(_ bytes: UnsafeRawBufferPointer) {
    server.outbox.flush(self)
    stream.write(bytes)
  }

  /// The handler wants the body, or more of it.
  func wantBody() {
    if body.isComplete || state != .exchange { return }
    allowBodyTime()
    stream.resumeReading()
    pump()
  }

  func pauseBody() {
    deadlineMs = .max
    stream.pauseReading()
  }

  var bodyIsComplete: Bool { body.isComplete }
  /// Bytes wait that came behind what was used up.
  var hasInput: Bool { !input.isEmpty }

  /// Whether the next response head may promise a further request.
  func keepsAliveAfter(_ exchange: HTTPExchange) -> Bool {
    guard keepsAlive, !server.isClosing else { return false }
    if body.isComplete { return !peerEnded || !input.isEmpty }
    // A client that waits for a 100 sends no body after a final response, or does: unknown.
    if exchange.head.expectsContinue && !exchange.isContinued { return false }
    return body.remainingAtMost(server.limits.maxDrainBytes)
  }

  func responseDidEnd(keepAlive: Bool) {
    guard state == .exchange else { return }
    keepsAlive = keepsAlive && keepAlive
    responseIsDone = true
    if !keepsAlive { return linger() }
    if !body.isComplete {
      allowBodyTime()
      stream.resumeReading()
      pumpSoon()
    }
    finishIfDone()
  }

  private func finishIfDone() {
    guard state == .exchange, responseIsDone, body.isComplete else { return }
    exchange?.detach()
    exchange = nil
    state = .head
    deadlineMs = server.loop.nowMs + server.limits.idleMs
    if server.isClosing { return linger() }
    stream.resumeReading()
    if !input.isEmpty || peerEnded { pumpSoon() }
  }

  /// The 101 waits for the first bytes behind it, where a relay takes a plain socket.
  func holdAnswer() { (stream as? SocketStream)?.holdWrites() }

  /// Hands the stream over, with what has come behind the request, which has no body.
  func upgrade() -> HTTPUpgrade {
    precondition(state == .exchange, "only a live exchange can be upgraded")
    server.outbox.flush(self)
    state = .upgraded
    stream.pauseReading()
    stream.delegate = nil
    exchange?.detach()
    exchange = nil
    var leftover = ByteBuffer()
    swap(&leftover, &input)
    return HTTPUpgrade(
      stream: stream, leftover: leftover, peerHasEnded: peerEnded,
      didClose: server.didUpgrade(self))
  }

  // MARK: Ends

  private func refuse(status: Int, reason: String) {
    let answer = server.refusal(status, reason)
    let isHEAD = exchange.map { $0.head.method == .head } ?? parser.isHEAD
    if exchange?.responseHasStarted != true {
      let date = server.currentDate()
      write { out in
        HTTPEncoder.responseHead(
          answer.status, first: date, fields: answer.fields,
          framing: .length(UInt64(answer.body.count)), keepAlive: false, into: &out)
        if !isHEAD { out.append(answer.body) }
      }
    }
    linger()
  }

  /// Ends our direction and drops what still comes, so that the peer reads the response instead
  /// of a reset (RFC 9112 §9.6).
  private func linger() {
    exchange?.detach()
    exchange = nil
    input.clear(keepingCapacity: 0)
    server.outbox.flush(self)
    if peerEnded && stream.pendingByteCount == 0 {
      state = .closed
      stream.close()
      return
    }
    state = .lingering
    deadlineMs = server.loop.nowMs + server.limits.lingerMs
    stream.endWriting()
    stream.resumeReading()
  }

  func closeWhenIdle() {
    keepsAlive = false
    if state == .head && !parser.isMidHead { closeAfterPending() }
  }

  /// Between two requests: the last response may be on its way.
  private func closeAfterPending() {
    if stream.pendingByteCount == 0 { stream.close() } else { linger() }
  }

  func abort() {
    server.outbox.flush(self)
    stream.close()
  }

  func streamDidDrain() {
    exchange?.didDrain()
    if state != .head { return }
    stream.resumeReading()
    pump()
  }

  func streamDidClose(_ error: StreamError?) {
    if state == .upgraded { return }
    state = .closed
    let last = exchange
    exchange = nil
    last?.didDisconnect()
    last?.detach()
    server.didClose(self)
  }

  /// Called by the server's sweep.
  func checkDeadline(_ nowMs: UInt64) {
    checkWriteStall(nowMs)
    guard nowMs >= deadlineMs else { return }
    let isSending = stream.pendingByteCount > 0  // which has a deadline of its own
    switch state {
    case .head:
      if isSending {
        deadlineMs = nowMs + server.limits.idleMs
      } else if parser.isMidHead {
        refuse(status: 408, reason: "the request head took too long")
      } else {
        stream.close()
      }
    case .exchange:
      exchange?.didFail(.timedOut)
      refuse(status: 408, reason: "the request body took too long")
    case .lingering:
      if !isSending {
        stream.close()
      } else if !peerEnded {
        deadlineMs = nowMs + server.limits.lingerMs
      }
    case .upgraded, .closed: break
    }
  }

  private var stalledSinceMs: UInt64 = 0

  private func checkWriteStall(_ nowMs: UInt64) {
    let pending = stream.pendingByteCount
    if pending == 0 || pending != lastPending { stalledSinceMs = nowMs }
    lastPending = pending
    if nowMs - stalledSinceMs > server.limits.writeStallMs {
      stream.close(.timedOut("the peer does not read its response"))
    }
  }
}
