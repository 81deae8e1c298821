import Reactor
import TestSupport
import Testing

/// A server at a free port and raw clients of it, on one loop.
final class HTTPSite {
  let loop: Loop
  let server: HTTPServer
  let address: SocketAddress
  private var clients: [StreamProbe] = []

  init(
    loop: Loop, limits: HTTPServerLimits = HTTPServerLimits(),
    refusal: @escaping (Int, String) -> HTTPAnswer = HTTPServer.plainRefusal,
    handler: @escaping HTTPServer.Handler
  ) throws {
    self.loop = loop
    server = HTTPServer(loop: loop, limits: limits, refusal: refusal, handler: handler)
    address = try server.listen(at: .loopback(port: 0))
  }

  /// A client that has connected and was accepted.
  func connect(sourceLocation: SourceLocation = #_sourceLocation) throws -> StreamProbe {
    let client = try dial()
    let count = server.connectionCount
    loop.run(
      until: { client.isConnected && server.connectionCount > count },
      sourceLocation: sourceLocation)
    return client
  }

  func dial() throws -> StreamProbe {
    let client = StreamProbe(try SocketStream.connect(loop: loop, to: address))
    clients.append(client)
    return client
  }

  /// Sends the text and waits for an answer that ends so; returns it without its Date.
  func ask(
    _ client: StreamProbe, _ text: String, until end: String,
    sourceLocation: SourceLocation = #_sourceLocation
  ) -> String {
    client.send(text)
    loop.run(until: { client.text.hasSuffix(end) }, sourceLocation: sourceLocation)
    return withoutDate(client.take())
  }

  /// Closes all, whatever is under way.
  func close() {
    server.close()
    server.abort()
    for client in clients { client.stream.close() }
    loop.run(until: { server.connectionCount == 0 && clients.allSatisfy { $0.isClosed } })
  }
}

/// The text without its lines `Date: …`.
func withoutDate(_ bytes: [UInt8]) -> String {
  let lines = String(decoding: bytes, as: UTF8.self).split(
    separator: "\r\n", omittingEmptySubsequences: false)
  return lines.filter { !$0.hasPrefix("Date: ") }.joined(separator: "\r\n")
}

/// A request head that ends in an empty line.
func request(_ line: String, _ fields: String...) -> String {
  ([line + " HTTP/1.1", "Host: test"] + fields).joined(separator: "\r\n") + "\r\n\r\n"
}

/// A whole response as the server writes it, without its Date.
func response(_ status: String, _ fields: [String] = [], _ body: String = "") -> String {
  (["HTTP/1.1 " + status] + fields).joined(separator: "\r\n") + "\r\n\r\n" + body
}

/// The usual one.
func okay(_ body: String, _ fields: String...) -> String {
  response("200 OK", ["Content-Length: \(body.utf8.count)"] + fields, body)
}

extension HTTPExchange {
  func answer(_ text: String, status: Int = 200) { respond(status, body: Array(text.utf8)) }

  /// Collects the body and sends it back.
  func echo(maxBytes: Int = 1 << 20) {
    readBody(maxBytes: maxBytes) { result in
      switch result {
      case .success(let body): self.respond(200, body: body)
      case .failure(.tooLarge): self.answer("too large", status: 413)
      case .failure: self.abort()
      }
    }
  }
}
