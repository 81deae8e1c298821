/// Opens a WebSocket over a stream and hands the stream over.
///
/// The completion gets the stream, paused, and the bytes that came right behind the 101: they are
/// the first frames (a sidecar's SandboxReady often comes so).
public final class WebSocketClientHandshake {
  public typealias Completion = (Result<HTTPUpgrade, HTTPClientError>) -> Void

  private let key: String
  private let offered: [String]
  private var completion: Completion?
  private var refusalStatus: Int?
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
    self.completion = completion
    offered = subprotocols
    key = WebSocketKey.make(from: nonce)
    var request = HTTPClientRequest(target: target, host: host)
    request.fields = upgradeFields + fields
    request.asksUpgrade = true
    request.timeouts = HTTPClientTimeouts(wholeMs: timeoutMs)
    let exchange = HTTPClientExchange(request)
    exchange.onUpgrade = { head, upgrade in self.judge(head, upgrade) }
    exchange.onHead = { head in self.refusalStatus = head.status }
    exchange.onBody = { [unowned exchange] piece in
      if self.keepRefusal(piece) { return }
      exchange.cancel()
      self.finish(self.refusal ?? .closed)
    }
    exchange.onEnd = { error in self.finish(self.refusal ?? error ?? .closed) }
    exchange.start(over: stream)
  }

  private var upgradeFields: [HTTPField] {
    var fields = WebSocketFields.upgrade
    fields.append(WebSocketFields.version)
    if let field = WebSocketFields.key.with(key) { fields.append(field) }
    if !offered.isEmpty,
      let field = WebSocketFields.subprotocol.with(offered.joined(separator: ", "))
    {
      fields.append(field)
    }
    return fields
  }

  private func judge(_ head: HTTPResponseHead, _ upgrade: HTTPUpgrade) {
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
      upgrade.stream.close()
      return finish(.handshake(error))
    }
    finish(.success(upgrade))
  }

  /// False once there is enough of it.
  private func keepRefusal(_ piece: UnsafeRawBufferPointer) -> Bool {
    refusalBody.append(contentsOf: piece.prefix(Self.maxRefusalBytes - refusalBody.count))
    return refusalBody.count < Self.maxRefusalBytes
  }

  private var refusal: HTTPClientError? {
    refusalStatus.map { .refused(status: $0, body: String(decoding: refusalBody, as: UTF8.self)) }
  }

  private func finish(_ error: HTTPClientError) { finish(.failure(error)) }

  private func finish(_ result: Result<HTTPUpgrade, HTTPClientError>) {
    let done = completion
    completion = nil
    done?(result)
  }
}
