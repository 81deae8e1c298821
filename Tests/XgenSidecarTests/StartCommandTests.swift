import Glibc
import Testing

@testable import XgenSidecar

/// What a template runs from the sandbox's start.
@Suite struct StartCommandTests {
  @Test func itRunsInTheWorkspaceWithTheSandboxsVariables() throws {
    let harness = try SidecarHarness(environment: ["PATH": "/usr/bin:/bin", "WORD": "hello"])
    let command = ["sh", "-c", "echo \"$WORD $1\" > said.part && mv said.part said", "sh", "you"]
    let started = StartCommand(command, in: harness.sidecar)
    #expect(started != nil)
    harness.run { access(harness.workspace + "/said", F_OK) == 0 }
    let file = open(harness.workspace + "/said", O_RDONLY)
    let said = [UInt8](unsafeUninitializedCapacity: 64) { room, count in
      count = max(0, read(file, room.baseAddress, room.count))
    }
    close(file)
    #expect(String(decoding: said, as: UTF8.self) == "hello you\n")
    harness.finish()
  }

  @Test func oneThatIsNotThereLeavesTheSandboxAsItIs() throws {
    let harness = try SidecarHarness()
    #expect(StartCommand(["/nonexistent/program"], in: harness.sidecar) == nil)
    #expect(StartCommand([], in: harness.sidecar) == nil)
    harness.finish()
  }

  @Test func itEndsWithTheSidecar() throws {
    let harness = try SidecarHarness(environment: ["PATH": "/usr/bin:/bin"])
    let started = try #require(StartCommand(["sleep", "600"], in: harness.sidecar))
    started.end()
    harness.finish()
  }
}
