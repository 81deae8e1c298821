// Over 250 lines: one request on its way through the proxy has one state, and every event of its
// two sides stands here.

/// What a reverse proxy decides about a request on its way. Called on the loop.
public protocol HTTPProxyDelegate: AnyObject {
  /// Appends the request line and the fields that go to the server: Host and what
  /// `HTTPFields.appendForwarded` leaves. How the body is framed is not among them, nor is the
  /// empty line.
  func proxy(_ exchange: HTTPProxyExchange, appendRequestTo buffer: inout ByteBuffer)
  /// The same for a response, interim ones included: the status line and the fields.
  func proxy(
    _ exchange: HTTPProxyExchange, appendResponse head: HTTPResponseHead,
    to buffer: inout ByteBuffer)
  /// The server gave no response: the delegate answers `downstream`.
  func proxy(_ exchange: HTTPProxyExchange, didFail error: HTTPClientError)
  /// Both sides have left HTTP; its end is told by `proxyDidEnd`, too.
  func proxy(_ exchange: HTTPProxyExchange, didUpgrade splice: StreamSplice)
  /// The last call, exactly once: nothing of it is open any more.
  func proxyDidEnd(_ exchange: HTTPProxyExchange)
}

/// A request that is passed on to a server, and its response on the way back: neither body is ever
/// held whole, and each side is read only as fast as the other one takes it.
///
/// ```
/// client ══ downstream: HTTPExchange ══▶ HTTPProxyExchange ══▶ connection: UpstreamConnection
/// ```
public final class HTTPProxyExchange {
  public let downstream: HTTPExchange
  private let upstream: Upstream
  private let pool: UpstreamPool
  private let delegate: any HTTPProxyDelegate
  private var dial: (any UpstreamDial)?
  private var connection: UpstreamConnection?
  /// What is to be sent in one go: towards the server the head, until its body's first bytes are
  /// there; towards the client what one read from the server came to.
  private var out = ByteBuffer()
  /// Body bytes in `out`, their framing not counted.
  private var outBodyByteCount = 0
  /// Of the response, as the client gets it.
  private var framing = HTTPBodyFraming.none
  /// `out` is a request head that waits for its body's first bytes.
  private var isHeadHeldBack = false
  private var hasBegunResponse = false
  private var isRepeated = false
  private var isOver = false
  /// Room for the fields that are added to a head.
  private static let addedBytes = 512
  private static let likelyBodyBytes = 1280
  /// Of the request's body that were passed on.
  public var requestBodyByteCount: UInt64 { bodyByteCount }
  private var bodyByteCount: UInt64 = 0

  public init(
    _ downstream: HTTPExchange, to upstream: Upstream, of pool: UpstreamPool,
    _ delegate: any HTTPProxyDelegate
  ) {
    self.downstream = downstream
    self.upstream = upstream
    self.pool = pool
    self.delegate = delegate
  }

  /// Whether the client wants to leave HTTP and the request says how. Not to h2c: its tunnel would
  /// carry requests that nobody here has looked at.
  public private(set) lazy var asksUpgrade: Bool = {
    guard downstream.head.asksUpgrade, downstream.head.framing.isEmpty else { return false }
    let protocols = downstream.head.upgradeProtocols
    return !protocols.isEmpty && !protocols.contains { $0.lowercased().hasPrefix("h2c") }
  }()

  // MARK: The request

  /// Sends it.
  public func start() {
    downstream.onDrain = { [self] in connection?.resumeReading() }
    watchClient()
    open(isFresh: asksUpgrade)
  }

  private func open(isFresh: Bool) {
    if !isFresh, let idle = pool.takeIdle(upstream, isChecked: !isRepeatable) {
      return send(over: idle)
    }
    dial = upstream.dial { [self] result in
      dial = nil
      switch result {
      case .success(let stream): send(over: pool.connection(over: stream, to: upstream))
      case .failure(let error): fail(error)
      }
    }
  }

  /// Idempotent (RFC 9110 §9.2.2) and without a body, so that it can be sent once more.
  private var isRepeatable: Bool {
    guard downstream.head.framing.isEmpty, !asksUpgrade else { return false }
    switch downstream.head.method {
    case .get, .head, .put, .delete, .options, .trace: return true
    case .post, .patch, .connect, .other: return false
    }
  }

  /// Whether every server takes the whole of this request. One that does not know chunks, or does
  /// not look for a body behind a GET, would take the body for the next request, which is
  /// somebody else's.
  private var leavesNothingUnread: Bool {
    switch downstream.head.framing {
    case .none, .length(0): return true
    case .chunked, .untilClose: return false
    case .length:
      switch downstream.head.method {
      case .post, .put, .patch: return true
      case .get, .head, .delete, .options, .trace, .connect, .other: return false
      }
    }
  }

  private func send(over connection: UpstreamConnection) {
    self.connection = connection
    connection.begin(
      self, downstream.head.method, asksUpgrade: asksUpgrade, mayReuse: leavesNothingUnread)
    if downstream.hasDisconnected { connection.hurry(ms: pool.limits.halfCloseMs) }
    let head = downstream.head
    var bytes = ByteBuffer(capacity: head.withBytes { $0.count } + Self.addedBytes)
    delegate.proxy(self, appendRequestTo: &bytes)
    HTTPEncoder.append(head.framing, &bytes)
    if head.expectsContinue { bytes.append("Expect: 100-continue\r\n") }
    if asksUpgrade { appendUpgrade(head.headers, to: &bytes) }
    bytes.append("\r\n")
    if head.framing.isEmpty {
      bytes.withReadable { connection.write($0) }
      return connection.endRequest()
    }
    isHeadHeldBack = bodyIsHere
    if isHeadHeldBack {
      swap(&bytes, &out)
    } else {
      bytes.withReadable { connection.write($0) }
    }
    downstream.readBody(sendsContinue: false) { [self] in
      sendBody($0)
    } onEnd: { [self] in
      endBody($0)
    }
  }

  /// Whether a piece of the body is told within the next call.
  private var bodyIsHere: Bool {
    guard case .length = downstream.head.framing else { return false }
    return downstream.hasBodyWaiting
  }

  private func sendOut(over connection: UpstreamConnection) {
    isHeadHeldBack = false
    out.withReadable { connection.write($0) }
    out.clear(keepingCapacity: 0)
  }

  private func sendBody(_ piece: UnsafeRawBufferPointer) {
    guard let connection else { return }
    bodyByteCount += UInt64(piece.count)
    if downstream.head.framing == .chunked {
      var chunk = ByteBuffer(capacity: piece.count + 24)
      HTTPEncoder.chunk(piece, into: &chunk)
      chunk.withReadable { connection.write($0) }
    } else if isHeadHeldBack, piece.count <= pool.limits.maxCoalescedBytes {
      out.append(piece)
      sendOut(over: connection)
    } else {
      if isHeadHeldBack { sendOut(over: connection) }
      connection.write(piece)
    }
    if connection.isCongested { downstream.pauseBody() }
  }

  private func endBody(_ error: HTTPBodyError?) {
    guard let connection else { return }
    // The client's own connection answers one that broke off, if it is still there.
    if error != nil { return finish() }
    if downstream.head.framing == .chunked {
      var last = ByteBuffer()
      HTTPEncoder.lastChunk(into: &last)
      last.withReadable { connection.write($0) }
    }
    connection.endRequest()
  }

  // MARK: Ends

  /// A client that has only ended its own direction may still read; most are gone.
  private func watchClient() {
    downstream.onDisconnect = { [self] in
      if downstream.isGone { return finish() }
      connection?.hurry(ms: pool.limits.halfCloseMs)
      watchClient()
    }
  }

  /// Ends it wherever it is, before its upgrade: what there is of the response breaks off.
  public func abort() {
    if isOver { return }
    downstream.abort()
    finish()
  }

  private func fail(_ error: HTTPClientError) {
    if isOver { return }
    connection = nil
    out.clear(keepingCapacity: 0)
    if hasBegunResponse {
      downstream.abort()
    } else if !downstream.isGone {
      downstream.onDisconnect = nil
      delegate.proxy(self, didFail: error)
    }
    finish()
  }

  /// Lets go of both sides.
  private func finish() {
    if isOver { return }
    let connection = release()
    connection?.cancel()
    delegate.proxyDidEnd(self)
  }

  private func release() -> UpstreamConnection? {
    isOver = true
    downstream.onDrain = nil
    downstream.onDisconnect = nil
    dial?.cancel()
    dial = nil
    let connection = connection
    self.connection = nil
    return connection
  }
}

// MARK: The response

extension HTTPProxyExchange: UpstreamRequest {
  func upstreamDidReceive(interim head: HTTPResponseHead) {
    guard downstream.head.version == .http11, !hasBegunResponse else { return }
    // Who did not ask for a 100 may take it for the end of something else.
    if head.status == 100, !downstream.head.expectsContinue { return }
    var interim = ByteBuffer()
    delegate.proxy(self, appendResponse: head, to: &interim)
    interim.append("\r\n")
    interim.withReadable { downstream.forwardInterim(head.status, $0) }
  }

  func upstreamDidReceive(_ head: HTTPResponseHead) {
    framing = self.framing(of: head)
    guard let keepsAlive = downstream.beginForwarding(head.status, framing) else {
      return finish()
    }
    hasBegunResponse = true
    // Its body's first bytes are most often behind it.
    var bytes = ByteBuffer(
      capacity: head.withBytes { $0.count } + Self.addedBytes + Self.likelyBodyBytes)
    delegate.proxy(self, appendResponse: head, to: &bytes)
    if head.status != 204 { HTTPEncoder.append(framing, &bytes) }
    if framing == .none { appendToldLength(head, to: &bytes) }
    if !keepsAlive {
      bytes.append("Connection: close\r\n")
    } else if downstream.head.version == .http10 {
      bytes.append("Connection: keep-alive\r\n")
    }
    bytes.append("\r\n")
    swap(&bytes, &out)
  }

  /// The server's, but for a body of unknown length, which the client gets in chunks if it can
  /// read them.
  private func framing(of head: HTTPResponseHead) -> HTTPBodyFraming {
    switch head.framing {
    case .none, .length: head.framing
    case .chunked, .untilClose: downstream.head.version == .http11 ? .chunked : .untilClose
    }
  }

  /// The length of the body that a response to HEAD, or a 304, only tells of.
  private func appendToldLength(_ head: HTTPResponseHead, to buffer: inout ByteBuffer) {
    guard downstream.head.method == .head || head.status == 304, head.status != 204,
      let told = head.headers["content-length"]
    else { return }
    buffer.append("Content-Length: ")
    buffer.append(utf8: told)
    buffer.append("\r\n")
  }

  func upstreamDidReceive(body piece: UnsafeRawBufferPointer) {
    let coalesced = pool.limits.maxCoalescedBytes
    if framing == .chunked {
      HTTPEncoder.chunk(piece, into: &out)
      outBodyByteCount += piece.count
      if out.count > 4 * coalesced { flush() }
    } else if !out.isEmpty, piece.count <= coalesced {
      out.append(piece)
      outBodyByteCount += piece.count
    } else {
      flush()
      downstream.forward(piece, bodyByteCount: piece.count)
    }
  }

  func upstreamDidRead() {
    if !hasBegunResponse { return }
    flush()
    if framing == .chunked { out.clear(keepingCapacity: 0) }
    if downstream.isGone { return finish() }
    if downstream.isCongested { connection?.pauseReading() }
  }

  /// Leaves `out` without its memory, as a response may take long; but that of a chunk serves the
  /// next one.
  private func flush() {
    var bytes = ByteBuffer()
    swap(&bytes, &out)
    if bytes.isEmpty { return }
    let bodyByteCount = outBodyByteCount
    outBodyByteCount = 0
    bytes.withReadable { downstream.forward($0, bodyByteCount: bodyByteCount) }
    if framing != .chunked { return }
    bytes.clear()
    swap(&bytes, &out)
  }

  func upstreamDidEnd() {
    if isOver { return }
    if framing == .chunked { HTTPEncoder.lastChunk(into: &out) }
    flush()
    _ = release()
    downstream.endForwarding()
    delegate.proxyDidEnd(self)
  }

  func upstreamDidFail(_ error: HTTPClientError, isLost: Bool) {
    if isLost, isRepeatable, !isRepeated {
      isRepeated = true
      return open(isFresh: true)
    }
    fail(error)
  }

  func upstreamDidDrain() { downstream.resumeBody() }

  // MARK: Upgrade

  func upstreamDidUpgrade(_ head: HTTPResponseHead, _ upgrade: HTTPUpgrade) {
    connection = nil
    guard isAskedFor(head) else {
      upgrade.stream.close()
      return fail(.unexpectedUpgrade)
    }
    var answer = ByteBuffer()
    delegate.proxy(self, appendResponse: head, to: &answer)
    appendUpgrade(head.headers, to: &answer)
    answer.append("\r\n")
    guard let client = downstream.upgrade(forwarding: answer) else {
      upgrade.stream.close()
      return finish()
    }
    _ = release()
    let splice = StreamSplice(client: client, server: upgrade, limits: pool.limits)
    splice.onEnd = { [self] in
      pool.remove(splice)
      delegate.proxyDidEnd(self)
    }
    pool.add(splice)
    delegate.proxy(self, didUpgrade: splice)
    splice.start()
  }

  /// The server may only switch to what the client offered (RFC 9110 §7.8).
  private func isAskedFor(_ head: HTTPResponseHead) -> Bool {
    guard head.isUpgrade else { return false }
    let offered = Set(downstream.head.upgradeProtocols.map { $0.lowercased() })
    let chosen = head.headers.values("upgrade").flatMap { $0.lowercased().split(separator: ",") }
    return !chosen.isEmpty
      && chosen.allSatisfy { offered.contains($0.filter { $0 != " " && $0 != "\t" }) }
  }

  private func appendUpgrade(_ headers: HTTPFields, to buffer: inout ByteBuffer) {
    buffer.append("Connection: Upgrade\r\nUpgrade: ")
    buffer.append(utf8: headers.values("upgrade").joined(separator: ", "))
    buffer.append("\r\n")
  }
}
