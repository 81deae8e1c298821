import Reactor
import ServerTestSupport
import TestSupport
import Testing

@testable import XgenServer

/// What happens to those who are connected when the keys change under a running server.
@Suite struct KeyReloadTests {
  private static func keys(_ entries: [(name: String, role: String, more: String)]) throws
    -> APIKeyStore
  {
    let texts = entries.map { entry in
      let digest = SHA256.hash(Array("key-of-\(entry.name)".utf8))
      let digits = digest.flatMap { [$0 >> 4, $0 & 15] }.map { String($0, radix: 16) }.joined()
      return
        #"{"name":"\#(entry.name)","key_sha256":"\#(digits)","role":"\#(entry.role)"\#(entry.more)}"#
    }
    return try APIKeyStore(file: Array("[\(texts.joined(separator: ","))]".utf8))
  }

  static let losses: [(name: String, role: String, more: String)] = [
    ("carl", "user", ""), ("ann", "viewer", ""),
    ("ann", "user", #","permissions":["sandbox:create","sandbox:delete"]"#),
  ]

  @Test(arguments: losses)
  func whoLostTheRightIsCutOffAndOthersAreNot(
    name: String, role: String, more: String
  ) async throws {
    try await LyingSidecar.with { sidecar in
      sidecar.onRequest = { $0.accept() }
      let deployment = sidecar.deployment!
      let ann = deployment.client("ApiKey key-of-ann")
      let bob = deployment.client("ApiKey key-of-bob")
      let anns = StreamProbe(try await ann.upgrade(try await ann.create()).stream)
      let bobs = StreamProbe(try await bob.upgrade(try await bob.create()).stream)
      let token = try await ann.send(.post, "/api/v1/auth/token", #"{"api_key":"key-of-ann"}"#)
      let tokenHolder = deployment.client("Bearer \(token["token"])")
      #expect(try await tokenHolder.send(.get, "/api/v1/sandboxes").status == 200)

      let cut = deployment.server.replaceKeys(
        try Self.keys([(name, role, more), ("bob", "user", "")]))
      #expect(cut == 1)
      try await eventually("ann's WebSocket ends") { anns.hasEnded }
      #expect(Array(anns.bytes.prefix(1)) == [0x88] && Array(anns.bytes[2...3]) == [0x03, 0xF0])
      #expect(String(decoding: anns.bytes[4...], as: UTF8.self).contains("key"))
      #expect(bobs.bytes.isEmpty && !bobs.hasEnded)
      let status = try await tokenHolder.send(.post, "/api/v1/sandboxes/x/exec").status
      #expect(status == (name == "ann" ? 403 : 401))
      #expect(try await bob.send(.get, "/api/v1/sandboxes").status == 200)
      anns.stream.close()
      bobs.stream.close()
    }
  }

  @Test func theSameKeysCutNobodyOff() async throws {
    try await LyingSidecar.with { sidecar in
      sidecar.onRequest = { $0.accept() }
      let ann = sidecar.deployment.client("ApiKey key-of-ann")
      let probe = StreamProbe(try await ann.upgrade(try await ann.create()).stream)
      let same = try Self.keys([("ann", "user", "")])
      #expect(sidecar.deployment.server.replaceKeys(same) == 0)
      await turns(5)
      #expect(probe.bytes.isEmpty && !probe.hasEnded)
      probe.stream.close()
    }
  }

  @Test func aSourceThatCantBeReadNamesItsFile() throws {
    try withTemporaryDirectory { folder in
      let path = "\(folder)/keys"
      let source = APIKeySource(file: path, adminKey: .none)
      #expect(throws: SettingError(name: "--api-keys", problem: "'\(path)' is not there")) {
        try source.load()
      }
      try HostFiles.replace(path, Array("[{}]".utf8), mode: 0o600, durable: false)
      do throws(SettingError) {
        _ = try source.load()
        Issue.record("no error")
      } catch {
        #expect("\(error)".hasPrefix("--api-keys: API keys, entry 1: field 'name'"))
      }
    }
  }
}
