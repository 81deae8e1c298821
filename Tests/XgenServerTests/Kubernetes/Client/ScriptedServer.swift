import Glibc
import Logging
import Reactor
import ServerTestSupport
import TestSupport
import Testing

@testable import XgenServer

/// An API server on a real port that says what the test makes it say, byte by byte: what a real
/// one says too seldom to wait for, or never should.
@LoopActor
final class ScriptedServer {
  struct Request {
    let method: String
    let target: String
    /// Request line and fields, as they came.
    let head: String
    let body: String
    /// The connection's number, from 1.
    let number: Int
    let connection: StreamProbe

    func send(_ text: String) { connection.send(text) }

    func answer(_ status: Int, _ body: String, fields: String = "") {
      send(
        "HTTP/1.1 \(status) X\r\nContent-Type: application/json\r\n\(fields)"
          + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
    }

    /// The head of a response that goes on until the connection is closed.
    func beginStream() { send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n") }

    func sendChunk(_ text: String) {
      send("\(String(text.utf8.count, radix: 16))\r\n\(text)\r\n")
    }

    func endStream() { send("0\r\n\r\n") }
  }

  private(set) var requests: [Request] = []
  private(set) var connections: [StreamProbe] = []
  private var listener: SocketListener?
  private let script: (Request) -> Void
  /// With the port that the kernel chose.
  private(set) var address: SocketAddress

  init(at address: SocketAddress = .loopback(port: 0), _ script: @escaping (Request) -> Void) throws
  {
    self.script = script
    self.address = address
    listener = try SocketListener.listen(loop: LoopActor.loop, at: address) {
      [unowned self] in accept($0)
    }
    self.address = listener?.address ?? address
  }

  var url: String { "http://\(address)" }

  func close() {
    listener?.close()
    listener = nil
    cut()
  }

  func cut() { for connection in connections { connection.stream.close() } }

  private func accept(_ stream: SocketStream) {
    let probe = StreamProbe(stream)
    connections.append(probe)
    let number = connections.count
    var pending = ""
    probe.onReceive = { [unowned self, unowned probe] in
      pending += String(decoding: probe.take(), as: UTF8.self)
      while let request = Self.request(&pending, number, probe) {
        requests.append(request)
        script(request)
      }
    }
  }

  private static func request(
    _ pending: inout String, _ number: Int, _ probe: StreamProbe
  ) -> Request? {
    guard let end = pending.firstRange(of: "\r\n\r\n") else { return nil }
    let head = String(pending[..<end.lowerBound])
    let lines = head.split(separator: "\r\n")
    let length =
      lines.first { $0.lowercased().hasPrefix("content-length:") }
      .flatMap { Int($0.dropFirst(15).drop { $0 == " " }) } ?? 0
    let rest = pending[end.upperBound...].utf8
    guard rest.count >= length else { return nil }
    let words = lines[0].split(separator: " ")
    let body = String(decoding: rest.prefix(length), as: UTF8.self)
    pending = String(decoding: rest.dropFirst(length), as: UTF8.self)
    return Request(
      method: String(words[0]), target: String(words[1]), head: head, body: body, number: number,
      connection: probe)
  }
}

/// A client on a scripted server, with a clock that the test's waiting moves.
@LoopActor
final class ClientFixture {
  let server: ScriptedServer
  let client: KubernetesClient
  let workers: WorkerPool

  nonisolated static func with(
    token: KubernetesConfiguration.Token = .none, policy: KubernetesRetryPolicy = .init(),
    maxQueued: Int = 64,
    script: @escaping @Sendable @LoopActor (ScriptedServer.Request) -> Void,
    _ body: @escaping @Sendable @LoopActor (ClientFixture) async throws -> Void
  ) async throws {
    try await TestLoop.run {
      let fixture = try ClientFixture(token, policy, maxQueued, script)
      let result: Result<Void, any Error>
      do { result = .success(try await body(fixture)) } catch { result = .failure(error) }
      try await fixture.end()
      try result.get()
    }
  }

  private init(
    _ token: KubernetesConfiguration.Token, _ policy: KubernetesRetryPolicy, _ maxQueued: Int,
    _ script: @escaping @LoopActor (ScriptedServer.Request) -> Void
  ) throws {
    server = try ScriptedServer { script($0) }
    workers = WorkerPool(loop: LoopActor.loop, maxThreads: 2, maxQueued: maxQueued)
    let configuration = KubernetesConfiguration(server: server.url, token: token)
    var clock = KubernetesClock.loop()
    let moved = Moved()
    clock.nowMs = { moved.nowMs }
    clock.sleep = {
      moved.waits.append($0)
      moved.nowMs += $0
    }
    self.moved = moved
    client = KubernetesClient(
      configuration, workers: workers, log: LocalFixture.quiet, policy: policy, clock: clock)
  }

  @LoopActor
  private final class Moved {
    var nowMs: UInt64 = 1_000
    var waits: [UInt64] = []
  }

  private let moved: Moved
  /// Milliseconds of each wait before another attempt.
  var waited: [UInt64] { moved.waits }
  func advance(ms: UInt64) { moved.nowMs += ms }

  private func end() async throws {
    client.close()
    try await eventually("the workers are done") { workers.outstanding == 0 }
    workers.close()
    server.close()
  }

  /// What the request ended with.
  func failure(_ request: KubernetesRequest) async -> KubernetesError? {
    do throws(KubernetesError) {
      _ = try await client.send(request)
      return nil
    } catch {
      return error
    }
  }
}

extension KubernetesRequest {
  static let getPod = KubernetesRequest.get(.pods, in: "ns", "p")
  static let createPod = KubernetesRequest.create(.pods, in: "ns", ["kind": "Pod"])
}

/// A Status as the API writes it.
func status(_ code: Int, _ reason: String, _ message: String, details: String = "{}") -> String {
  """
  {"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"\(message)",\
  "reason":"\(reason)","details":\(details),"code":\(code)}
  """
}
