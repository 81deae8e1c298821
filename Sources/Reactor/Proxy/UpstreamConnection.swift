/// Who has a request on an upstream connection. Called on the loop, never within a call of its
/// own, and not any more after an end, a failure or `cancel()`.
protocol UpstreamRequest: AnyObject {
  /// An interim response other than 101.
  func upstreamDidReceive(interim head: HTTPResponseHead)
  /// The final response's head.
  func upstreamDidReceive(_ head: HTTPResponseHead)
  /// A piece of its body, lent for the call.
  func upstreamDidReceive(body piece: UnsafeRawBufferPointer)
  /// All that came with one read has been told, and the response goes on.
  func upstreamDidRead()
  /// The response is whole.
  func upstreamDidEnd()
  /// It never will be. `isLost`: nothing of it came on a connection that had been idle, so that
  /// the server may have closed it before it saw the request (RFC 9112 §9.3.1).
  func upstreamDidFail(_ error: HTTPClientError, isLost: Bool)
  /// The server switched protocols, as it was asked to; not checked further.
  func upstreamDidUpgrade(_ head: HTTPResponseHead, _ upgrade: HTTPUpgrade)
  /// It can take more of the request.
  func upstreamDidDrain()
}

/// A connection to a server that requests are passed on to: one at a time, their bytes as they are
/// given, the responses read as strictly as requests are: the server may be hostile.
///
/// ```
/// idle ──▶ request ──▶ (1xx) ──▶ head ──▶ body ──▶ idle …
///   │         │                    └─▶ upgraded     └─▶ closed
///   └─(a byte, or the end)──▶ closed
/// ```
///
/// Only a response that was whole, with nothing behind it, to a request that was sent whole and
/// that no server can have taken for two, leaves a connection that is used again.
final class UpstreamConnection: ByteStreamDelegate {
  let stream: any ByteStream
  let upstream: Upstream
  private(set) var idleSinceMs: UInt64 = 0
  private unowned let pool: UpstreamPool
  private let loop: Loop
  private var request: (any UpstreamRequest)?
  private var method = HTTPMethod.get
  private var asksUpgrade = false
  private var mayReuse = false
  private var requestCount = 0
  private var requestHasEnded = false
  private var parser: HTTPResponseParser
  /// An unfinished head.
  private var input = ByteBuffer()
  private var head: HTTPResponseHead?
  private var body = HTTPBodyReader(.none)
  private var interimCount = 0
  /// Whether a byte of the response has come.
  private var hasAnswer = false
  private var peerEnded = false
  private var isPaused = false
  private var clock = UpstreamClock()

  init(_ stream: any ByteStream, to upstream: Upstream, of pool: UpstreamPool) {
    self.stream = stream
    self.upstream = upstream
    self.pool = pool
    loop = pool.loop
    parser = HTTPResponseParser(limits: pool.limits.head)
    stream.delegate = self
    stream.resumeReading()
  }

  var isIdle: Bool { request == nil }

  /// Whether it is open and its peer has said nothing unasked: one system call.
  var isQuiet: Bool { !stream.isClosing && !stream.hasUnreadInput }

  // MARK: What the request's owner asks for

  /// Takes it for one request, whose bytes the owner then writes. `mayReuse`: another one may
  /// follow it. Precondition: it is idle.
  func begin(
    _ request: any UpstreamRequest, _ method: HTTPMethod, asksUpgrade: Bool, mayReuse: Bool
  ) {
    precondition(self.request == nil, "one request at a time")
    self.request = request
    self.method = method
    self.asksUpgrade = asksUpgrade
    self.mayReuse = mayReuse
    requestCount += 1
    requestHasEnded = false
    head = nil
    interimCount = 0
    hasAnswer = false
    clock.begin(nowMs: loop.nowMs)
  }

  func write(_ bytes: UnsafeRawBufferPointer) { stream.write(bytes) }

  /// All of the request has been written.
  func endRequest() {
    requestHasEnded = true
    clock.progress(nowMs: loop.nowMs)
  }

  var isCongested: Bool { stream.isCongested }

  func pauseReading() {
    isPaused = true
    stream.pauseReading()
  }

  func resumeReading() {
    if !isPaused { return }
    isPaused = false
    clock.progress(nowMs: loop.nowMs)
    stream.resumeReading()
  }

  /// The rest has only so long from now on.
  func hurry(ms: UInt64) { clock.hurry(untilMs: loop.nowMs + ms) }

  /// Nobody wants the response any more.
  func cancel() {
    request = nil
    stream.close()
  }

  // MARK: Input

  func streamDidReceive(_ bytes: UnsafeMutableRawBufferPointer) {
    guard request != nil else { return stream.close() }
    hasAnswer = true
    clock.progress(nowMs: loop.nowMs)
    if input.isEmpty { return take(UnsafeRawBufferPointer(bytes)) }
    var work = ByteBuffer()
    swap(&work, &input)
    work.append(UnsafeRawBufferPointer(bytes))
    work.withReadable { take($0) }
  }

  private func take(_ bytes: UnsafeRawBufferPointer) {
    let used = advance(bytes)
    guard let request else { return }
    let rest = UnsafeRawBufferPointer(rebasing: bytes[used...])
    if isWhole { return head?.status == 101 ? upgrade(rest) : complete(leftover: rest.count) }
    input.append(rest)
    request.upstreamDidRead()
  }

  /// Uses up what it can, at most up to the response's end; returns how many bytes. The owner may
  /// cancel in its callbacks.
  private func advance(_ bytes: UnsafeRawBufferPointer) -> Int {
    var used = 0
    do throws(HTTPParseError) {
      while let request, !isWhole, used < bytes.count {
        let rest = UnsafeRawBufferPointer(rebasing: bytes[used...])
        let step = head == nil ? try readHead(rest, request) : try readBody(rest, request)
        if step == 0 { break }
        used += step
      }
    } catch {
      fail(.malformed(error))
    }
    return used
  }

  private var isWhole: Bool { head != nil && (body.isComplete || head?.status == 101) }

  private func readHead(
    _ bytes: UnsafeRawBufferPointer, _ request: any UpstreamRequest
  ) throws(HTTPParseError) -> Int {
    guard let parsed = try parser.parse(bytes, to: method) else { return 0 }
    if parsed.head.status == 101, !asksUpgrade {
      fail(.unexpectedUpgrade)
    } else if parsed.head.isInformational, parsed.head.status != 101 {
      interimCount += 1
      if interimCount > pool.limits.maxInterimResponses {
        fail(.tooManyInterimResponses)
      } else {
        request.upstreamDidReceive(interim: parsed.head)
      }
    } else {
      head = parsed.head
      body = HTTPBodyReader(parsed.head.framing)
      if parsed.head.status != 101 { request.upstreamDidReceive(parsed.head) }
    }
    return parsed.consumed
  }

  private func readBody(
    _ bytes: UnsafeRawBufferPointer, _ request: any UpstreamRequest
  ) throws(HTTPParseError) -> Int {
    let (used, data) = try body.read(bytes)
    if let data, !data.isEmpty { request.upstreamDidReceive(body: data) }
    return used
  }

  func streamDidEnd() {
    peerEnded = true
    if request == nil { return stream.close() }
    if head != nil && body.streamDidEnd() { return complete(leftover: 0) }
    fail(.closed)
  }

  func streamDidDrain() { if !requestHasEnded { request?.upstreamDidDrain() } }

  // MARK: Ends

  private func complete(leftover: Int) {
    let isReusable =
      head?.keepAlive == true && leftover == 0 && !peerEnded && !stream.isClosing
      && requestHasEnded && mayReuse && stream.pendingByteCount == 0
    let last = detach()
    if isReusable {
      idleSinceMs = loop.nowMs
      resumeReading()
      pool.connectionDidBecomeIdle(self)
    } else {
      stream.close()
    }
    last?.upstreamDidEnd()
  }

  private func upgrade(_ rest: UnsafeRawBufferPointer) {
    guard let head else { return }
    let last = detach()
    stream.pauseReading()
    stream.delegate = nil
    pool.connectionDidLeave(self)
    var leftover = ByteBuffer()
    leftover.append(rest)
    last?.upstreamDidUpgrade(
      head, HTTPUpgrade(stream: stream, leftover: leftover, peerHasEnded: peerEnded, didClose: {}))
  }

  private func fail(_ error: HTTPClientError) {
    let isLost = requestCount > 1 && !hasAnswer && error.mayBeLoss
    let last = detach()
    stream.close()
    last?.upstreamDidFail(error, isLost: isLost)
  }

  private func detach() -> (any UpstreamRequest)? {
    let last = request
    request = nil
    input.clear(keepingCapacity: 0)
    return last
  }

  func streamDidClose(_ error: StreamError?) {
    if request != nil { fail(error.map { .stream($0) } ?? .closed) }
    pool.connectionDidLeave(self)
  }

  // MARK: Time

  /// Called by the pool's sweep.
  func checkDeadline(_ nowMs: UInt64) {
    guard request != nil else { return }
    let limits = pool.limits
    clock.noteTaken(stream.pendingByteCount, nowMs: nowMs)
    let (limitMs, timeout): (UInt64, HTTPClientTimeout)
    if stream.pendingByteCount > 0 {
      (limitMs, timeout) = (limits.writeStallMs, .bodyIdle)
    } else if isPaused || !requestHasEnded {
      (limitMs, timeout) = (.max, .whole)  // the client's side has deadlines of its own
    } else {
      (limitMs, timeout) =
        head == nil ? (limits.headMs, .head) : (limits.bodyIdleMs, .bodyIdle)
    }
    if clock.isOver(limitMs, nowMs: nowMs) { fail(.timedOut(timeout)) }
  }
}

/// Since when an upstream connection waits.
private struct UpstreamClock {
  private var progressMs: UInt64 = 0
  private var hurryMs = UInt64.max
  private var pending = 0

  mutating func begin(nowMs: UInt64) {
    progressMs = nowMs
    hurryMs = .max
    pending = 0
  }

  mutating func progress(nowMs: UInt64) { progressMs = nowMs }
  mutating func hurry(untilMs: UInt64) { hurryMs = untilMs }

  /// So many bytes of the request wait: some have been taken if they are others than before.
  mutating func noteTaken(_ pending: Int, nowMs: UInt64) {
    if pending != self.pending { progressMs = nowMs }
    self.pending = pending
  }

  func isOver(_ limitMs: UInt64, nowMs: UInt64) -> Bool {
    nowMs >= hurryMs || nowMs - progressMs >= limitMs
  }
}
