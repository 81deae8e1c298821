import Glibc
import ServerTestSupport
import TestSupport
import Testing
import XgenProtocol

@testable import Reactor
@testable import XgenServer

/// A server whose sandboxes all lead to a sidecar that the test plays itself, byte by byte.
@LoopActor
final class LyingSidecar {
  /// A request that came, and the connection to answer it on.
  struct Request {
    let head: HTTPRequestHead
    let connection: StreamProbe

    func send(_ text: String) { connection.send(text) }

    /// Does the WebSocket handshake as it must be.
    func accept() {
      let key = head.headers["sec-websocket-key"] ?? ""
      let accept = WebSocketKey.accept(for: key, sha1: SHA1.digest)
      send(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
          + "Sec-WebSocket-Accept: \(accept)\r\n\r\n")
    }

    /// Sends an envelope in a frame.
    func send(_ type: MessageType, _ payload: [UInt8] = [], channel: UInt32 = 101, id: UInt32 = 0) {
      let message = EnvelopeHead(type, channel: channel, id: id).message(payload)
      var out = ByteBuffer()
      message.withUnsafeBytes { WebSocketEncoder.appendFrame(.binary, $0, to: &out) }
      connection.send(out.withReadable { Array($0) })
    }
  }

  private(set) var deployment: Deployment!
  /// Health checks are answered with 200.
  var isHealthy = true
  /// What is done with any other request; nothing at first, so that it hangs.
  var onRequest: (Request) -> Void = { _ in }
  private(set) var connections: [StreamProbe] = []
  private let folder: String
  private var listener: SocketListener!

  nonisolated static func with(
    timeouts: SidecarTimeouts = SidecarTimeouts(),
    _ body: @escaping @Sendable @LoopActor (LyingSidecar) async throws -> Void
  ) async throws {
    try await TestLoop.run {
      let sidecar = try LyingSidecar(timeouts)
      do {
        try await sidecar.deployment.start()
        try await body(sidecar)
      } catch {
        await sidecar.end()
        throw error
      }
      await sidecar.end()
    }
  }

  private init(_ timeouts: SidecarTimeouts) throws {
    var template = Array("/tmp/xgen-lie-XXXXXX".utf8CString)
    folder = template.withUnsafeMutableBufferPointer { String(cString: mkdtemp($0.baseAddress!)) }
    let address = SocketAddress.unix(path: folder + "/s")
    listener = try SocketListener.listen(loop: LoopActor.loop, at: address) { [unowned self] in
      accept($0)
    }
    deployment = try Deployment(backend: DialBackend(address), timeouts: timeouts)
  }

  private func end() async {
    listener.close()
    for connection in connections { connection.stream.close() }
    await deployment.end()
    unlink(folder + "/s")
    rmdir(folder)
  }

  var client: APIClient { deployment.client }

  private func accept(_ stream: SocketStream) {
    let connection = StreamProbe(stream)
    connections.append(connection)
    connection.onReceive = { [unowned self, unowned connection] in
      var parser = HTTPRequestParser()
      let head = connection.bytes.withUnsafeBytes { try? parser.parse($0)?.head }
      guard let head else { return }
      if head.asksUpgrade { connection.onReceive = nil }
      _ = connection.take()
      serve(Request(head: head, connection: connection))
    }
  }

  private func serve(_ request: Request) {
    guard request.head.path == "/healthz" else { return onRequest(request) }
    if isHealthy { request.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok") }
  }
}

/// A backend that makes nothing and dials one address.
@LoopActor
private final class DialBackend: SandboxBackend {
  let name = "dial"
  var onEvent: ((SandboxEvent) -> Void)?
  private let address: SocketAddress

  init(_ address: SocketAddress) { self.address = address }

  func start() async throws(BackendError) -> [SandboxRecord] { [] }
  func create(_ record: SandboxRecord) async throws(BackendError) {}
  func update(_ record: SandboxRecord) async throws(BackendError) {}
  func delete(id: String) async {}
  func shutdown() async {}

  func dial(id: String, _ destination: SandboxDestination) throws(BackendError) -> any ByteStream {
    do { return try SocketStream.connect(loop: LoopActor.loop, to: address) } catch {
      throw .failed("\(error)")
    }
  }
}
