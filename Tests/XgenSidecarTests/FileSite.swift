import Glibc
import Reactor
import TestSupport
import Testing
import XgenProtocol

@testable import XgenSidecar

/// A sidecar's HTTP server at a free port, and raw clients of it.
final class FileSite {
  let harness: SidecarHarness
  private let server: SidecarServer
  private let address: SocketAddress
  private var clients: [StreamProbe] = []

  struct Answer {
    let head: String
    let body: [UInt8]
    var status: Int { Int(head.split(separator: " ")[1]) ?? 0 }
    var text: String { String(decoding: body, as: UTF8.self) }
    var error: ErrorCode? {
      body.withUnsafeBytes { try? ErrorPayload.decode($0) }?.knownCode
    }

    /// A header's value.
    subscript(_ name: String) -> String? {
      head.split(separator: "\r\n").first { $0.hasPrefix(name + ": ") }
        .map { String($0.dropFirst(name.count + 2)) }
    }
  }

  init(_ change: (inout SidecarLimits) -> Void = { _ in }) throws {
    harness = try SidecarHarness(change)
    server = SidecarServer(harness.sidecar)
    var configuration = SidecarConfiguration(listen: .address(.loopback(port: 0)))
    configuration.workspace = harness.workspace
    address = try server.listen(configuration)
  }

  func connect() throws -> StreamProbe {
    let client = StreamProbe(try SocketStream.connect(loop: harness.loop, to: address))
    clients.append(client)
    return client
  }

  static func head(_ method: String, _ target: String, _ fields: [String]) -> String {
    let lines = ["\(method) \(target) HTTP/1.1", "Host: sidecar"] + fields
    return lines.joined(separator: "\r\n") + "\r\n\r\n"
  }

  /// One request on a connection of its own.
  func ask(
    _ method: String, _ target: String, _ fields: [String] = [], body: [UInt8]? = nil
  ) throws -> Answer {
    let client = try connect()
    let length = body.map { ["Content-Length: \($0.count)"] } ?? []
    client.send(Self.head(method, target, ["Connection: close"] + length + fields))
    if let body { client.send(body) }
    return answer(of: client)
  }

  /// All that comes until the sidecar ends its direction.
  func answer(of client: StreamProbe) -> Answer {
    harness.run { client.hasEnded || client.isClosed }
    client.stream.close()
    let bytes = client.bytes
    let end = Array("\r\n\r\n".utf8)
    let split = bytes.indices.first { bytes[$0...].starts(with: end) } ?? bytes.endIndex
    return Answer(
      head: String(decoding: bytes[..<split], as: UTF8.self),
      body: Array(bytes[min(split + 4, bytes.count)...]))
  }

  func put(_ path: String, _ text: String, _ fields: [String] = []) throws -> Answer {
    try ask("PUT", "/files?path=\(path)", fields, body: Array(text.utf8))
  }

  func get(_ path: String, _ fields: [String] = []) throws -> Answer {
    try ask("GET", "/files?path=\(path)", fields)
  }

  /// Runs a command line in the workspace.
  func shell(_ script: String) {
    let client = harness.connect()
    client.shell(script)
    client.waitForExit()
  }

  /// Names in a folder, those of files under way included.
  func names(_ path: String = "") throws -> [String] {
    try harness.sidecar.workspace.list(path, atMost: 100).entries.map(\.name)
  }

  func finish() {
    for client in clients { client.stream.close() }
    server.close()
    harness.finish()
  }
}
