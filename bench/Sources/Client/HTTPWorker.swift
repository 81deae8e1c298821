import Reactor

/// What the workers of one run ask, and what is right for an answer.
struct HTTPSettings {
  /// Nil if all is right, else what is wrong.
  typealias Check = (_ status: Int, _ body: UnsafeRawBufferPointer) -> String?

  let target: Target
  /// Of the Host header.
  let host: String
  var method = HTTPMethod.get
  var body: [UInt8] = []
  let check: Check
}

/// One request after the other on a connection that is kept; a new one where the server ends it.
final class HTTPWorker: LoadConnection {
  private enum State { case connecting, ready, working, settling, ended }

  private let settings: HTTPSettings
  private let place: Place
  private let number: Int
  private unowned let owner: any LoadConnectionOwner
  private var loop: Loop?
  private var state = State.connecting
  private var stream: SocketStream?
  /// Head and body, as they go out each time.
  private var request = ByteBuffer()
  private var parser = HTTPResponseParser()
  private var input = ByteBuffer()
  /// Of the answer that is being read.
  private var head: HTTPResponseHead?
  private var isAsking = false
  private var beganNs: UInt64 = 0

  private static let maxBodyBytes = 64 * 1024 * 1024

  init(
    _ settings: HTTPSettings, number: Int, _ place: Place, owner: any LoadConnectionOwner
  ) {
    self.settings = settings
    self.place = place
    self.number = number
    self.owner = owner
  }

  var isReady: Bool { state == .ready }

  func connect(_ loop: Loop) {
    self.loop = loop
    let fields = place.fields
    let isPost = settings.method == .post
    do throws(HTTPParseError) {
      try HTTPEncoder.requestHead(
        settings.method, target: place.path, host: place.host ?? settings.host,
        fields: fields + (isPost ? [HTTPField(fixed: "Content-Type", "application/json")] : []),
        framing: isPost ? .length(UInt64(settings.body.count)) : .none, keepAlive: true,
        into: &request)
      request.append(settings.body)
    } catch {
      return end("the request can't be written: \(error)")
    }
    dial()
  }

  private func dial() {
    guard let loop else { return }
    do throws(UVError) {
      let stream = try SocketStream.connect(loop: loop, to: settings.target.address)
      self.stream = stream
      stream.delegate = self
      stream.resumeReading()
      if !stream.isConnecting { loop.after(ms: 0) { [self] in streamDidConnect() } }
    } catch {
      loop.after(ms: 0) { [self] in end("connect: \(error)") }
    }
  }

  // MARK: Asking

  func begin() {
    guard state == .ready else { return }
    state = .working
    next()
  }

  private func next() {
    isAsking = true
    beganNs = Clock.nowNs()
    guard let stream else { return dial() }
    stream.write(request)
  }

  private func read() {
    while isAsking {
      if head == nil {
        guard let parsed = parse() else { return }
        if parsed.isInformational { continue }
        head = parsed
      }
      guard let head, let bodyBytes = bodyBytes(head), input.count >= bodyBytes else { return }
      finish(head, bodyBytes)
    }
  }

  private func parse() -> HTTPResponseHead? {
    do {
      let parsed = try input.withReadable { try parser.parse($0, to: settings.method) }
      guard let parsed else { return nil }
      input.consume(parsed.consumed)
      return parsed.head
    } catch {
      fail("the answer is no HTTP: \(error)")
      return nil
    }
  }

  private func bodyBytes(_ head: HTTPResponseHead) -> Int? {
    switch head.framing {
    case .none: return 0
    case .length(let count) where count <= Self.maxBodyBytes: return Int(count)
    case .length, .chunked, .untilClose:
      fail("status \(head.status) with a body of unknown or excessive length")
      return nil
    }
  }

  private func finish(_ head: HTTPResponseHead, _ bodyBytes: Int) {
    let nowNs = Clock.nowNs()
    let problem = input.withReadable {
      settings.check(head.status, UnsafeRawBufferPointer(rebasing: $0[..<bodyBytes]))
    }
    if let problem { return fail(problem) }
    input.consume(bodyBytes)
    self.head = nil
    isAsking = false
    owner.connectionDidComplete(sinceNs: beganNs, nowNs: nowNs)
    if !head.keepAlive { drop() }
    if state == .working { return next() }
    state = .ready
    owner.connectionDidSettle()
  }

  /// The next request takes a new connection.
  private func drop() {
    let old = stream
    stream = nil
    old?.close()
    input.clear()
    parser = HTTPResponseParser()
  }

  // MARK: Ending

  func pause() {
    if state == .working { state = .settling }
  }

  func finish() {
    if state == .ready { end(nil) }
  }

  func giveUp() { fail("no whole answer in time") }

  func abort() {
    state = .ended
    drop()
  }

  private func fail(_ problem: String) { end(problem) }

  private func end(_ problem: String?) {
    if state == .ended { return }
    state = .ended
    isAsking = false
    drop()
    let what = "\(settings.method.name) \(place.path), connection \(number)"
    owner.connectionDidEnd(problem.map { .unexpected(what, $0) })
  }
}

extension HTTPWorker: ByteStreamDelegate {
  func streamDidConnect() {
    if isAsking { stream?.write(request) }
    guard state == .connecting else { return }
    state = .ready
    owner.connectionDidBecomeReady()
  }

  func streamDidReceive(_ bytes: UnsafeMutableRawBufferPointer) {
    if !isAsking { return fail("\(bytes.count) bytes came that nobody asked for") }
    input.append(UnsafeRawBufferPointer(bytes))
    read()
  }

  func streamDidEnd() { stream?.close() }

  /// A server may end a connection between two requests.
  func streamDidClose(_ error: StreamError?) {
    guard let stream, stream.isClosing else { return }  // one that was dropped
    self.stream = nil
    if isAsking || state == .connecting {
      end(error?.description ?? "the server closed the connection without a whole answer")
    } else {
      drop()
    }
  }
}
