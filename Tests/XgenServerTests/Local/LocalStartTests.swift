import Glibc
import Reactor
import ServerTestSupport
import Testing

@testable import XgenServer

/// When the backend refuses to start, or to create, and what it says.
@Suite struct LocalStartTests {
  private func startError(
    _ change: @escaping @Sendable (inout LocalConfiguration) -> Void
  ) async throws -> String {
    try await TestLoop.run {
      let fixture = LocalFixture(change: change)
      defer { fixture.workers.close() }
      do {
        _ = try await fixture.backend.start()
      } catch BackendError.unavailable(let text) {
        await fixture.end()
        return text
      }
      await fixture.end()
      return "started"
    }
  }

  @Test func withoutBubblewrapItDoesNotStart() async throws {
    let text = try await startError { $0.bubblewrapPath = "/usr/bin/no-bwrap" }
    #expect(text.contains("apt-get install bubblewrap"))
  }

  @Test func aBubblewrapThatFailsIsQuoted() async throws {
    let text = try await startError { configuration in
      let script = configuration.sidecarPath + "-bwrap"
      LocalFixture.write(
        script,
        "#!/bin/sh\nif [ \"$1\" = --version ]; then echo bubblewrap 0.9.1; exit; fi\n"
          + "printf 'bwrap: No \\033[31mpermissions'; exit 1\n")
      chmod(script, 0o755)
      configuration.bubblewrapPath = script
    }
    #expect(
      text.hasPrefix("bubblewrap can't make a sandbox on this host: bwrap: No [31mpermissions"))
  }

  @Test func anOldBubblewrapIsRefused() async throws {
    let text = try await startError { configuration in
      let script = configuration.sidecarPath + "-bwrap"
      LocalFixture.write(script, "#!/bin/sh\necho bubblewrap 0.4.1\n")
      chmod(script, 0o755)
      configuration.bubblewrapPath = script
    }
    #expect(text.hasPrefix("bubblewrap 0.8 or later is needed"))
  }

  @Test func aMissingSidecarIsNamed() async throws {
    let text = try await startError { $0.sidecarPath = "/nowhere/xgen-sidecar" }
    #expect(text.contains("/nowhere/xgen-sidecar"))
  }

  @Test func missingProgramsForTheNetworkAreNamed() async throws {
    let pasta = try await startError {
      $0.network = .internet
      $0.pastaPath = "/usr/bin/no-pasta"
    }
    #expect(pasta.contains("--local-network") && pasta.contains("apt-get install passt"))
    let filter = try await startError {
      $0.network = .internet
      $0.pastaPath = "/bin/true"
      $0.nftPath = "/usr/sbin/no-nft"
    }
    #expect(filter.contains("apt-get install nftables"))
  }

  @Test func aFilterThatCantBeSetEndsTheStart() async throws {
    let text = try await startError { configuration in
      let script = configuration.sidecarPath + "-nft"
      LocalFixture.write(script, "#!/bin/sh\ncat >/dev/null; echo no such module; exit 1\n")
      chmod(script, 0o755)
      configuration.network = .internet
      configuration.resolvers = [.v4(0x0909_0909)]
      configuration.pastaPath = "/bin/false"
      configuration.nftPath = script
    }
    #expect(text == "the packet filter of a sandbox's network can't be set: no such module")
  }

  @Test func aPastaThatFailsIsQuoted() async throws {
    let text = try await startError { configuration in
      let script = configuration.sidecarPath + "-pasta"
      LocalFixture.write(
        script,
        "#!/bin/sh\necho Failed to send 7 bytes to syslog\n"
          + "echo Failed to open tun socket in namespace; exit 1\n")
      chmod(script, 0o755)
      configuration.network = .internet
      configuration.resolvers = [.v4(0x0909_0909)]
      configuration.pastaPath = script
      configuration.nftPath = "/bin/true"
    }
    #expect(text.hasPrefix("pasta can't connect a sandbox: Failed to open tun socket in namespace"))
    #expect(text.hasSuffix("chmod 666 /dev/net/tun"))
  }

  @Test(.enabled(if: getuid() == 0))
  func aFolderThatOtherUsersCantEnterIsRefusedAsRoot() async throws {
    let text = try await startError { configuration in
      let closed = configuration.dataDirectory + "-closed"
      mkdir(closed, 0o700)
      configuration.dataDirectory = closed + "/data"
    }
    #expect(text.contains("-closed, which other users can't enter"))
  }

  @Test func twoServersCantShareAFolder() async throws {
    try await LocalFixture.with { fixture in
      let second = LocalBackend(
        fixture.configuration, workers: fixture.workers,
        desktops: DesktopPasswords(secret: [7]), logger: LocalFixture.quiet)
      await #expect(
        throws: BackendError.unavailable(
          "another xgen-server uses the data folder \(fixture.directory.path)")
      ) { _ = try await second.start() }
    }
  }

  @Test(.enabled(if: getuid() == 0))
  func whenEveryUserIsTakenACreateIsRefused() async throws {
    try await LocalFixture.with(
      change: { $0.uidRange = 300_000..<300_001 },
      { fixture in
        let first = try await fixture.create()
        await #expect(throws: BackendError.self) { _ = try await fixture.create() }
        await fixture.backend.delete(id: first)
        _ = try await fixture.create()
      })
  }

  @Test func aSidecarThatCantRunIsReported() async throws {
    try await LocalFixture.with(
      change: { LocalFixture.write($0.sidecarPath, "#!/nowhere/interpreter\n") },
      { fixture in
        do {
          let id = try await fixture.create()
          // bubblewrap was still at work when the create returned.
          guard case .failed(id, let reason) = await fixture.nextEvent() else { return }
          #expect(reason.contains("bwrap: execvp"))
        } catch BackendError.failed(let reason) {
          #expect(reason.contains("bwrap: execvp"))
        }
      })
  }
}
