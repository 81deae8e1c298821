internal import Reactor

/// A request to a preview on its way through the proxy: what of it the sandbox gets to see, and
/// what of the answer the client does.
@LoopActor
final class PreviewRequest: @LoopActor HTTPProxyDelegate {
  private unowned let server: Server
  private let sandbox: Sandbox
  private let host: PreviewHost
  private let client: PreviewClient
  private let pass: PreviewPass
  private var splice: StreamSplice?
  /// What carries it, to a private preview; set once, before it starts.
  weak var exchange: HTTPProxyExchange?

  init(
    _ server: Server, _ sandbox: Sandbox, _ host: PreviewHost, _ client: PreviewClient,
    _ pass: PreviewPass
  ) {
    self.server = server
    self.sandbox = sandbox
    self.host = host
    self.client = client
    self.pass = pass
  }

  private var isLocalhost: Bool { sandbox.record.previews.host == .localhost }

  // MARK: The request

  func proxy(_ exchange: HTTPProxyExchange, appendRequestTo buffer: inout ByteBuffer) {
    let head = exchange.downstream.head
    head.withAuthority { authority in
      let authority = authority ?? UnsafeRawBufferPointer(start: nil, count: 0)
      head.appendForwardedLine(to: &buffer, query: pass.query.forwarded)
      buffer.append("Host: ")
      if isLocalhost { appendLocalhost(to: &buffer) } else { buffer.append(authority) }
      buffer.append("\r\n")
      appendFields(of: head, authority, to: &buffer)
      client.append(to: &buffer, head, host: authority)
    }
    buffer.append(head.version == .http11 ? "Via: 1.1 xgen\r\n" : "Via: 1.0 xgen\r\n")
  }

  private func appendFields(
    of head: HTTPRequestHead, _ authority: UnsafeRawBufferPointer, to buffer: inout ByteBuffer
  ) {
    let isLocalhost = isLocalhost
    var hasOwnOrigin = false
    var cookies: [[UInt8]] = []
    var subprotocols: [Substring] = []
    var forwardsLeft: Int?
    head.headers.appendForwarded(to: &buffer) { name, value in
      switch name.count {
      case 6 where pass.hidesCookie && name.spells("cookie"):
        cookies.append(PreviewCookies.withoutOwn(value))
        return false
      case 6 where isLocalhost && name.spells("origin"):
        let isOwn = PreviewOrigin.isOwn(value, of: authority, isHTTPS: client.isHTTPS)
        hasOwnOrigin = hasOwnOrigin || isOwn
        return !isOwn
      case 7 where pass.hidesReferer: return !name.spells("referer")
      case 12 where head.method == .options && name.spells("max-forwards"):
        forwardsLeft = Int(String(decoding: value, as: UTF8.self))
        return false
      case 13 where pass.hidesAuthorization && name.spells("authorization"): return false
      case 22 where pass.hidesSubprotocols && name.spells("sec-websocket-protocol"):
        subprotocols += PreviewCredentials.subprotocols(value)
        return false
      default: return !client.drops(name)
      }
    }
    subprotocols.removeAll { PreviewCredentials.isToken($0, server.tokens) }
    if !subprotocols.isEmpty {
      let offered = subprotocols.joined(separator: ", ")
      append("Sec-WebSocket-Protocol: ", Array(offered.utf8), to: &buffer)
    }
    let kept = cookies.filter { !$0.isEmpty }
    if !kept.isEmpty { append("Cookie: ", Array(kept.joined(separator: "; ".utf8)), to: &buffer) }
    if hasOwnOrigin {
      buffer.append("Origin: http://")
      appendLocalhost(to: &buffer)
      buffer.append("\r\n")
    }
    if let forwardsLeft, forwardsLeft > 0 {
      buffer.append("Max-Forwards: ")
      buffer.append(decimal: UInt64(forwardsLeft - 1))
      buffer.append("\r\n")
    }
  }

  private func appendLocalhost(to buffer: inout ByteBuffer) {
    buffer.append("localhost:")
    buffer.append(decimal: UInt64(host.port))
  }

  // MARK: The response

  func proxy(
    _ exchange: HTTPProxyExchange, appendResponse head: HTTPResponseHead,
    to buffer: inout ByteBuffer
  ) {
    head.appendForwardedLine(to: &buffer)
    let isLocalhost = isLocalhost
    var hasDate = false
    var cookies: [[UInt8]] = []
    var location: String?
    let setsCookie = pass.setCookie != nil && !head.isInformational
    head.headers.appendForwarded(to: &buffer) { name, value in
      switch name.count {
      case 4 where name.spells("date"):
        hasDate = true
        return true
      case 8 where isLocalhost && name.spells("location"):
        location = self.location(value, of: exchange)
        return location == nil
      case 10 where name.spells("set-cookie"): return keeps(value, &cookies)
      // No cache that others share may keep our cookie.
      case 13 where setsCookie: return !name.spells("cache-control")
      // It would take the cookies of all its neighbours, too.
      case 15: return !name.spells("clear-site-data")
      default: return true
      }
    }
    for cookie in cookies { append("Set-Cookie: ", cookie, to: &buffer) }
    if let location { append("Location: ", Array(location.utf8), to: &buffer) }
    if head.isInformational { return }
    if !hasDate { exchange.downstream.appendDate(to: &buffer) }
    if let own = pass.setCookie {
      append("Set-Cookie: ", Array(own.utf8), to: &buffer)
      buffer.append("Cache-Control: no-store\r\n")
    }
  }

  /// From the first cookie on that is changed, all are written behind, so that their order stays.
  private func keeps(_ value: UnsafeRawBufferPointer, _ changed: inout [[UInt8]]) -> Bool {
    switch PreviewCookies.fate(ofSetCookie: value) {
    case .kept where changed.isEmpty: return true
    case .kept: changed.append(Array(value))
    case .dropped: break
    case .edited(let field): changed.append(field)
    }
    return false
  }

  private func append(_ name: StaticString, _ value: [UInt8], to buffer: inout ByteBuffer) {
    buffer.append(name)
    buffer.append(value)
    buffer.append("\r\n")
  }

  /// A server that takes itself for `localhost` sends clients there.
  private func location(
    _ value: UnsafeRawBufferPointer, of exchange: HTTPProxyExchange
  ) -> String? {
    guard let rest = PreviewOrigin.path(ofLocation: value, onPort: host.port) else { return nil }
    let path = String(decoding: rest, as: UTF8.self)
    let scheme = client.isHTTPS ? "https" : "http"
    return "\(scheme)://\(exchange.downstream.head.authority ?? "")\(path)"
  }

  // MARK: What becomes of it

  /// Ends it now, whatever it carries.
  func abort() {
    if let splice { splice.abort() } else { exchange?.abort() }
  }

  func proxy(_ exchange: HTTPProxyExchange, didFail error: HTTPClientError) {
    let failure = PreviewFailure(error)
    server.metrics.previews.record(failure)
    PreviewAnswer.send(
      failure.error(port: host.port), to: exchange.downstream, of: server, refreshes: true)
  }

  func proxy(_ exchange: HTTPProxyExchange, didUpgrade splice: StreamSplice) {
    self.splice = splice
    sandbox.previews.upgraded[ObjectIdentifier(self)] = self
    server.metrics.previews.upgrades += 1
  }

  /// What its client was let in with; nil to a public preview.
  var holder: PreviewGrant.Holder? { pass.holder }

  func proxyDidEnd(_ exchange: HTTPProxyExchange) {
    let counts = server.metrics.previews
    counts.toSandbox += exchange.requestBodyByteCount
    if let splice {
      self.splice = nil
      sandbox.previews.upgraded[ObjectIdentifier(self)] = nil
      counts.toSandbox += splice.toServerByteCount
      counts.toClient += splice.toClientByteCount
    }
    if pass.holder != nil { sandbox.previews.granted[ObjectIdentifier(self)] = nil }
    server.previews.didEnd(in: sandbox)
  }
}

extension PreviewQuery.Rest {
  var forwarded: HTTPForwardedQuery {
    switch self {
    case .same: .same
    case .none: .none
    case .replaced(let query): .replaced(query)
    }
  }
}
