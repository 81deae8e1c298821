/// Opens a WebSocket over a stream and hands the stream over.
///
/// The completion gets the stream, paused, and the bytes that came right behind the 101: they are
/// the first frames (a sidecar's SandboxReady often comes so).
public final class WebSocketClientHandshake: ByteStreamDelegate {
  public typealias Completion = (Result<HTTPUpgrade, HTTPClientError>) -> Void

  private let stream: any ByteStream
  private let key: String
  private let offered: [String]
  private var parser = HTTPResponseParser()
  private var input = ByteBuffer()
  private var completion: Completion?
  private var timer: Timer?
  /// Why nothing was sent.
  private var unsendable: HTTPClientError?
  private var refusal: (status: Int, reader: HTTPBodyReader)?
  private var refusalBody: [UInt8] = []

  /// How much of a refusal's body is kept for the error's text, in bytes.
  private static let maxRefusalBytes = 1024

  /// Sends the request. `nonce`: 16 random bytes. The completion runs once, on the loop.
  @discardableResult
  public init(
    _ stream: any ByteStream, target: String, host: String, fields: [HTTPField] = [],
    subprotocols: [String] = [], nonce: (UInt64, UInt64), timeoutMs: UInt64 = 10_000,
    _ completion: @escaping Completion
  ) {
    self.stream = stream
    self.completion = completion
    offered = subprotocols
    key = WebSocketKey.make(from: nonce)
    stream.delegate = self
    timer = stream.loop.after(ms: timeoutMs) { [weak self] in self?.fail(.timedOut) }
    send(target, host, fields)
    stream.resumeReading()
  }

  private func send(_ target: String, _ host: String, _ fields: [HTTPField]) {
    var all = [
      HTTPField(fixed: "Upgrade", "websocket"), HTTPField(fixed: "Connection", "Upgrade"),
      HTTPField(fixed: "Sec-WebSocket-Version", "13"),
    ]
    all += [HTTPField("Sec-WebSocket-Key", key)].compactMap { $0 }
    if !offered.isEmpty {
      let list = offered.joined(separator: ", ")
      all += [HTTPField("Sec-WebSocket-Protocol", list)].compactMap { $0 }
    }
    var out = ByteBuffer()
    do throws(HTTPParseError) {
      try HTTPEncoder.requestHead(
        .get, target: target, host: host, fields: all + fields, framing: .none, into: &out)
    } catch {
      unsendable = .invalidRequest(error)
      stream.close()
      return
    }
    stream.write(out)
  }

  public func streamDidReceive(_ bytes: UnsafeMutableRawBufferPointer) {
    if refusal != nil { return readRefusal(UnsafeRawBufferPointer(bytes)) }
    input.append(UnsafeRawBufferPointer(bytes))
    do throws(HTTPParseError) {
      if let head = try readHead() { judge(head) }
    } catch {
      fail(.malformed(error))
    }
  }

  /// The answer's head once it is all there; interim ones are passed over.
  private func readHead() throws(HTTPParseError) -> HTTPResponseHead? {
    while true {
      let parsed: HTTPResponseParser.Parsed? = try input.withReadable {
        bytes throws(HTTPParseError) in try parser.parse(bytes, to: .get)
      }
      guard let parsed else { return nil }
      input.consume(parsed.consumed)
      if !parsed.head.isInformational || parsed.head.status == 101 { return parsed.head }
    }
  }

  private func judge(_ head: HTTPResponseHead) {
    if head.status != 101 { return startRefusal(head) }
    func joined(_ name: String) -> String? {
      let values = head.headers.values(name)
      return values.isEmpty ? nil : values.joined(separator: ", ")
    }
    do throws(WebSocketResponseError) {
      _ = try WebSocketHandshake.validateResponse(
        status: head.status, upgrade: joined("upgrade"), connection: joined("connection"),
        accept: joined("sec-websocket-accept"), subprotocol: joined("sec-websocket-protocol"),
        extensions: joined("sec-websocket-extensions"),
        expectedAccept: WebSocketKey.accept(for: key, sha1: SHA1.digest), offered: offered)
    } catch {
      return fail(.handshake(error))
    }
    handOver()
  }

  private func handOver() {
    stream.pauseReading()
    stream.delegate = nil
    var leftover = ByteBuffer()
    swap(&leftover, &input)
    finish(.success(HTTPUpgrade(stream: stream, leftover: leftover, didClose: {})))
  }

  private func startRefusal(_ head: HTTPResponseHead) {
    refusal = (head.status, HTTPBodyReader(head.framing))
    var rest = ByteBuffer()
    swap(&rest, &input)
    rest.withReadable { readRefusal($0) }
  }

  private func readRefusal(_ bytes: UnsafeRawBufferPointer) {
    guard let (status, started) = refusal else { return }
    var reader = started
    var used = 0
    while used < bytes.count, !reader.isComplete, refusalBody.count < Self.maxRefusalBytes {
      let rest = UnsafeRawBufferPointer(rebasing: bytes[used...])
      guard let (step, data) = try? reader.read(rest), step > 0 else { break }
      used += step
      if let data { refusalBody.append(contentsOf: data.prefix(Self.maxRefusalBytes)) }
    }
    refusal = (status, reader)
    if reader.isComplete || refusalBody.count >= Self.maxRefusalBytes || used < bytes.count {
      fail(refused(status))
    }
  }

  private func refused(_ status: Int) -> HTTPClientError {
    .refused(status: status, body: String(decoding: refusalBody, as: UTF8.self))
  }

  public func streamDidEnd() { fail(refusal.map { refused($0.status) } ?? .closed) }

  public func streamDidClose(_ error: StreamError?) {
    finish(.failure(unsendable ?? error.map { .stream($0) } ?? .closed))
  }

  private func fail(_ error: HTTPClientError) {
    finish(.failure(error))
    stream.close()
  }

  private func finish(_ result: Result<HTTPUpgrade, HTTPClientError>) {
    timer?.cancel()
    timer = nil
    let done = completion
    completion = nil
    done?(result)
  }
}
