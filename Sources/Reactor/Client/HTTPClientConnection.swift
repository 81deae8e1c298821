// Over 250 lines: the client side of one HTTP/1.1 connection has one state, and every event that
// moves it stands here.

/// Who keeps a connection for further requests.
protocol HTTPClientConnectionOwner: AnyObject {
  /// The connection can take another request.
  func connectionDidBecomeIdle(_ connection: HTTPClientConnection)
  /// Nothing of the request's answer came: the peer may have closed while the request was on its
  /// way (RFC 9112 §9.3.1). True if the owner sends it elsewhere.
  func connection(
    _ connection: HTTPClientConnection, didLose exchange: HTTPClientExchange
  ) -> Bool
  /// The stream has closed, or left HTTP.
  func connectionDidEnd(_ connection: HTTPClientConnection)
}

/// The client side of one HTTP/1.1 connection: requests out, one at a time, and their answers in.
/// It reads them as strictly as requests are read: the peer may be hostile.
///
/// ```
/// idle ──▶ request ──▶ (1xx) ──▶ head ──▶ body ──▶ idle …
///   │         │                    └─▶ upgraded     └─▶ closed
///   └─(a byte, or the end)──▶ closed
/// ```
///
/// Only an answer that was whole, with nothing behind it, to a request that was sent whole leaves
/// a connection that is used again.
final class HTTPClientConnection: ByteStreamDelegate {
  let stream: any ByteStream
  /// When it became idle.
  private(set) var idleSinceMs: UInt64 = 0
  private let limits: HTTPClientLimits
  private weak var owner: (any HTTPClientConnectionOwner)?
  private var exchange: HTTPClientExchange?
  private var exchangeCount = 0
  private var parser: HTTPResponseParser
  /// Bytes that came and are not used up: an unfinished head, or a body that is not wanted yet.
  private var input = ByteBuffer()
  private var head: HTTPResponseHead?
  private var body = HTTPBodyReader(.none)
  private var interimCount = 0
  /// Whether a byte of the answer has come.
  private var hasAnswer = false
  private var peerEnded = false
  private var isPumping = false
  /// Why we close the stream, told when it has closed.
  private var failure: HTTPClientError?
  private var clock = HTTPClientClock(HTTPClientTimeouts(), nowMs: 0)
  private var timer: Timer?
  private var timerMs = UInt64.max
  private var writtenBytes = 0

  init(
    _ stream: any ByteStream, limits: HTTPClientLimits, owner: (any HTTPClientConnectionOwner)?
  ) {
    self.stream = stream
    self.limits = limits
    self.owner = owner
    parser = HTTPResponseParser(limits: limits.head)
    stream.delegate = self
  }

  /// Whether a request may be sent over it: it is open, and its peer has said nothing unasked.
  var isUsable: Bool { !stream.isClosing && !stream.hasUnreadInput }

  /// Sends a request. Precondition: it is idle.
  func start(_ exchange: HTTPClientExchange) {
    precondition(self.exchange == nil, "one request at a time")
    self.exchange = exchange
    exchangeCount += 1
    head = nil
    interimCount = 0
    hasAnswer = false
    exchange.attach(to: self)
    clock = HTTPClientClock(exchange.request.timeouts, nowMs: stream.loop.nowMs)
    var out = ByteBuffer()
    do throws(HTTPParseError) {
      let keepAlive = owner != nil || exchange.request.asksUpgrade
      try exchange.request.write(keepAlive: keepAlive, into: &out)
    } catch {
      return failSoon(.invalidRequest(error))
    }
    out.withReadable { write($0) }
    stream.resumeReading()
  }

  // MARK: What the exchange asks for

  func write(_ bytes: UnsafeRawBufferPointer) {
    if stream.pendingByteCount == 0 { clock.didProgress(nowMs: stream.loop.nowMs) }
    writtenBytes += bytes.count
    stream.write(bytes)
    noteTaken()
    setTimer()
  }

  func requestDidEnd() {
    clock.didProgress(nowMs: stream.loop.nowMs)
    setTimer()
  }

  func pauseReading() {
    if head != nil { stream.pauseReading() }
  }

  /// Goes on in a turn of its own, not within the maker's call.
  func resumeReading() {
    clock.didProgress(nowMs: stream.loop.nowMs)
    setTimer()
    if isPumping { return }
    if input.isEmpty { return stream.resumeReading() }
    stream.loop.after(ms: 0) { [weak self] in self?.pump() }
  }

  func cancel() {
    detach()
    stream.close()
  }

  /// Fails in a later turn, not within the maker's call.
  func failSoon(_ error: HTTPClientError) {
    failure = error
    stream.close()
  }

  // MARK: Input

  func streamDidConnect() {
    clock.didProgress(nowMs: stream.loop.nowMs)
    noteTaken()
    setTimer()
  }

  func streamDidReceive(_ bytes: UnsafeMutableRawBufferPointer) {
    guard exchange != nil else { return stream.close() }
    hasAnswer = true
    if !input.isEmpty {
      input.append(UnsafeRawBufferPointer(bytes))
      return pump()
    }
    isPumping = true
    let used = advance(UnsafeRawBufferPointer(bytes))
    isPumping = false
    settle(UnsafeRawBufferPointer(rebasing: bytes[used...]))
  }

  /// Uses up what was kept, as far as it goes now.
  private func pump() {
    if isPumping || exchange == nil { return }
    var work = ByteBuffer()
    swap(&work, &input)
    isPumping = true
    let used = work.withReadable { advance($0) }
    isPumping = false
    work.consume(used)
    work.withReadable { settle($0) }
  }

  /// Uses up what it can of the unread bytes, at most up to the answer's end; returns how many.
  /// The maker's callbacks may pause or cancel.
  private func advance(_ bytes: UnsafeRawBufferPointer) -> Int {
    var used = 0
    do throws(HTTPParseError) {
      while let exchange, !isWhole, used < bytes.count {
        let rest = UnsafeRawBufferPointer(rebasing: bytes[used...])
        let step = head == nil ? try readHead(rest) : try readBody(rest, exchange)
        if step == 0 { break }
        used += step
      }
    } catch {
      fail(.malformed(error))
    }
    return used
  }

  private var isWhole: Bool { head != nil && (body.isComplete || head?.status == 101) }

  private func readHead(_ bytes: UnsafeRawBufferPointer) throws(HTTPParseError) -> Int {
    guard let exchange, let parsed = try parser.parse(bytes, to: exchange.request.method)
    else { return 0 }
    if parsed.head.status == 101 {
      guard exchange.request.asksUpgrade else {
        fail(.unexpectedUpgrade)
        return parsed.consumed
      }
    } else if parsed.head.isInformational {
      interimCount += 1
      if interimCount > limits.maxInterimResponses { fail(.tooManyInterimResponses) }
      return parsed.consumed
    }
    head = parsed.head
    body = HTTPBodyReader(parsed.head.framing)
    clock.didProgress(nowMs: stream.loop.nowMs)
    if parsed.head.status != 101 { exchange.didReceiveHead(parsed.head) }
    return parsed.consumed
  }

  private func readBody(
    _ bytes: UnsafeRawBufferPointer, _ exchange: HTTPClientExchange
  ) throws(HTTPParseError) -> Int {
    if exchange.isReadingPaused { return 0 }
    let (used, data) = try body.read(bytes)
    clock.didProgress(nowMs: stream.loop.nowMs)
    if let data, !data.isEmpty { exchange.didReceiveBody(data) }
    return used
  }

  /// After the callbacks: the answer is over, or its unread rest is kept.
  private func settle(_ rest: UnsafeRawBufferPointer) {
    guard let exchange else { return }
    if isWhole { return head?.status == 101 ? upgrade(rest) : complete(leftover: rest.count) }
    input.append(rest)
    if exchange.isReadingPaused && head != nil {
      stream.pauseReading()
    } else {
      stream.resumeReading()
    }
    setTimer()
    if peerEnded && !(exchange.isReadingPaused && !input.isEmpty) { endOfInput() }
  }

  func streamDidEnd() {
    peerEnded = true
    if exchange == nil { return stream.close() }
    if input.isEmpty || head == nil { endOfInput() }
  }

  private func endOfInput() {
    if head != nil && body.streamDidEnd() { return complete(leftover: 0) }
    fail(.closed)
  }

  func streamDidDrain() { exchange?.didDrain() }

  // MARK: Ends

  /// The answer is whole.
  private func complete(leftover: Int) {
    guard let exchange else { return }
    let isReusable =
      head?.keepAlive == true && leftover == 0 && !peerEnded && !stream.isClosing
      && exchange.requestHasEnded && stream.pendingByteCount == 0
    detach()
    if isReusable, let owner {
      idleSinceMs = stream.loop.nowMs
      stream.resumeReading()
      owner.connectionDidBecomeIdle(self)
    } else {
      stream.close()
    }
    exchange.finish(nil)
  }

  private func upgrade(_ rest: UnsafeRawBufferPointer) {
    guard let exchange, let head else { return }
    detach()
    stream.pauseReading()
    stream.delegate = nil
    owner?.connectionDidEnd(self)
    var leftover = ByteBuffer()
    leftover.append(rest)
    exchange.finish(head, HTTPUpgrade(stream: stream, leftover: leftover, didClose: {}))
  }

  private func fail(_ error: HTTPClientError) {
    guard let exchange else { return }
    let isLost = exchangeCount > 1 && !hasAnswer && error.mayBeLoss
    detach()
    stream.close()
    if isLost && exchange.request.isRepeatable && !exchange.isRepeated {
      exchange.isRepeated = true
      if owner?.connection(self, didLose: exchange) == true { return }
    }
    exchange.finish(error)
  }

  private func detach() {
    exchange = nil
    input.clear(keepingCapacity: 0)
    timer?.cancel()
    timer = nil
    timerMs = .max
  }

  func streamDidClose(_ error: StreamError?) {
    fail(failure ?? error.map { .stream($0) } ?? .closed)
    owner?.connectionDidEnd(self)
  }

  // MARK: Time

  private var phase: HTTPClientClock.Phase {
    guard let exchange else { return .us }
    if stream.isConnecting { return .connect }
    if stream.pendingByteCount > 0 { return .requestTaken }
    if head != nil && exchange.isReadingPaused { return .us }
    if !exchange.requestHasEnded { return .us }
    return head == nil ? .head : .body
  }

  /// Sets the timer for the next deadline, unless it comes earlier anyway and will look again.
  private func setTimer() {
    if exchange == nil { return }
    let deadlineMs = clock.deadline(phase).atMs
    if deadlineMs >= timerMs { return }
    timer?.cancel()
    timerMs = deadlineMs
    let nowMs = stream.loop.nowMs
    timer = stream.loop.after(ms: deadlineMs > nowMs ? deadlineMs - nowMs : 0) { [weak self] in
      self?.checkDeadline()
    }
  }

  private func noteTaken() {
    clock.noteTaken(writtenBytes - stream.pendingByteCount, nowMs: stream.loop.nowMs)
  }

  private func checkDeadline() {
    timer = nil
    timerMs = .max
    noteTaken()
    let (atMs, timeout) = clock.deadline(phase)
    if stream.loop.nowMs >= atMs { fail(.timedOut(timeout)) } else { setTimer() }
  }
}
