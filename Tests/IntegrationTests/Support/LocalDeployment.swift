import Glibc
import Reactor
import ServerTestSupport
import Testing

@testable import XgenServer

/// A server on the local backend: real sandboxes with the real sidecar.
@LoopActor
final class LocalDeployment {
  let deployment: Deployment
  let backend: LocalBackend
  private let root: String
  private let workers = WorkerPool(loop: LoopActor.loop, maxThreads: 4)

  /// Runs `body` with a started server; afterwards it is shut down, and nothing of its sandboxes
  /// may be left.
  nonisolated static func with(
    _ body: @escaping @Sendable @LoopActor (LocalDeployment) async throws -> Void
  ) async throws {
    try #require(access(sidecarPath, X_OK) == 0, "\(sidecarPath) is missing: run make build first")
    try await TestLoop.run {
      let local = try LocalDeployment()
      do {
        try await local.deployment.start()
        try await body(local)
      } catch {
        await local.end()
        throw error
      }
      await local.end()
    }
  }

  nonisolated static let sidecarPath: String = {
    let folders = #filePath.split(separator: "/").dropLast(4)
    return "/\(folders.joined(separator: "/"))/.build/release/xgen-sidecar"
  }()

  private init() throws {
    var template = Array("/tmp/xgen-int-XXXXXX".utf8CString)
    root = template.withUnsafeMutableBufferPointer { String(cString: mkdtemp($0.baseAddress!)) }
    chmod(root, 0o711)
    backend = LocalBackend(
      LocalConfiguration(dataDirectory: root + "/data", sidecarPath: Self.sidecarPath),
      workers: workers, desktops: DesktopPasswords(secret: [7]), logger: Deployment.quiet)
    deployment = try Deployment(backend: backend, workers: workers)
  }

  private func end() async {
    await deployment.end()
    #expect(await leftovers() == [])
    backend.detach()
    let root = root
    await backend.patiently { try? SandboxRemoval.removeTree(root) }
    workers.close()
  }

  var client: APIClient { deployment.client }

  /// Processes, sockets and folders of this server's sandboxes.
  func leftovers() async -> [String] {
    guard let directory = backend.host?.directory else { return [] }
    return await backend.patiently {
      let processes = HostProcess.commandLines().filter {
        BubblewrapCommand.sandboxID(ofCommandLine: $0.words, under: directory.sandboxes) != nil
      }
      return processes.map { "process \($0.pid)" } + HostFiles.names(in: directory.run)
        + HostFiles.names(in: directory.sandboxes)
    }
  }

  /// The host's pid of a sandbox's sidecar.
  func sidecarPID(_ id: String) throws -> Int32 {
    try #require(backend.sandboxes[id]?.state.processes?.sidecar.pid)
  }
}
