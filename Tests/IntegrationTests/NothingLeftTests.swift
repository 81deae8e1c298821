import Glibc
import Reactor
import ServerTestSupport
import Testing
import XgenProtocol

@testable import XgenServer

/// What a sandbox took, it gives back. Counted in a process of its own, where no other test opens
/// a descriptor or makes a handle. One after the other: each blocks a thread of Swift's pool.
@Suite(.serialized) struct NothingLeftTests {
  @Test func aDeletedSandboxLeavesNothing() async {
    await #expect(processExitsWith: .success) {
      try await LocalDeployment.with { local in
        try await Self.life(local)  // what is made once is made now
        await turns(50)  // connections that were ended go in later turns
        let descriptors = Self.descriptors()
        let handles = LoopActor.loop.openHandles
        for _ in 0..<3 { try await Self.life(local) }
        #expect(await local.leftovers() == [])
        try await eventually("every handle is freed") { LoopActor.loop.openHandles == handles }
        try await eventually("every file is closed") { Self.descriptors() == descriptors }
        #expect(local.deployment.server.catalog.census().total == 0)
      }
    }
  }

  @Test func aServerThatShutsDownLeavesNothing() async {
    await #expect(processExitsWith: .success) {
      try await LocalDeployment.with { _ in }
      let before = try await TestLoop.run { (Self.descriptors(), LoopActor.loop.openHandles) }
      try await LocalDeployment.with { local in
        let id = try await local.client.create()
        let wire = try await local.client.connect(id)
        try await wire.start("sleep", ["1000"])
        await local.deployment.end()
        try await wire.wait("the client is told") { wire.isClosed ? () : nil }
        #expect(wire.closeCode == .goingAway)
      }
      try await TestLoop.run {
        try await eventually("every handle is freed") { LoopActor.loop.openHandles == before.1 }
        #expect(Self.descriptors() == before.0)
      }
    }
  }

  /// A sandbox from its creation to its end, with a client that is still there.
  @LoopActor
  private static func life(_ local: LocalDeployment) async throws {
    let id = try await local.client.create()
    let pid = try local.sidecarPID(id)
    let answer = try await local.client.exec(id, #"{"command":"echo","args":["hello"]}"#)
    #expect(answer["stdout"] == "hello\n")
    let wire = try await local.client.connect(id)
    try await wire.start("sh", ["-c", "setsid sleep 1000 & sleep 1000"], tty: true)
    #expect(try await local.client.delete(id) == 204)
    #expect(!HostFiles.exists("/proc/\(pid)"))
    #expect(await local.leftovers() == [])
    try await wire.wait("the client is told") { wire.isClosed ? () : nil }
    #expect(wire.closeCode == .goingAway)
    #expect(try await local.client.delete(id) == 204)
    let gone = try await local.client.get(id)
    #expect(gone.status == 404 && gone["details"].hasPrefix("reason=deleted at="))
  }

  /// This process's descriptors with what they lead to; sockets and the like without their number.
  private static func descriptors() -> [String] {
    HostFiles.names(in: "/proc/self/fd").compactMap { name in
      var target = [CChar](repeating: 0, count: 256)
      guard readlink("/proc/self/fd/\(name)", &target, 255) > 0 else { return nil }
      let text = String(
        decoding: target.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      return "\(name) \(text.prefix { $0 != "[" })"
    }.filter { !$0.hasSuffix("/fd") }.sorted()
  }
}
