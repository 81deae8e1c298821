import Glibc
import Logging
import Reactor
import ServerTestSupport
import Testing

@testable import XgenServer

/// A local backend in a data folder of its own, with a stand-in for the sidecar: a script that
/// runs what each connection sends it and answers with the output.
@LoopActor
final class LocalFixture {
  let root: String
  private(set) var configuration: LocalConfiguration
  let workers = WorkerPool(loop: LoopActor.loop, maxThreads: 4)
  private(set) var backend: LocalBackend
  private(set) var events: [SandboxEvent] = []
  private var eventWaiter: CheckedContinuation<Void, Never>?

  /// Runs `body` with a started backend; afterwards every sandbox is ended, and nothing of them
  /// may be left.
  nonisolated static func with(
    deep: Bool = false, change: @escaping @Sendable (inout LocalConfiguration) -> Void = { _ in },
    _ body: @escaping @Sendable @LoopActor (LocalFixture) async throws -> Void
  ) async throws {
    try await TestLoop.run {
      let fixture = LocalFixture(deep: deep, change: change)
      do {
        _ = try await fixture.backend.start()
        try await body(fixture)
      } catch {
        await fixture.end()
        throw error
      }
      await fixture.end()
    }
  }

  init(deep: Bool = false, change: (inout LocalConfiguration) -> Void = { _ in }) {
    var template = Array("/tmp/xgen-local-XXXXXX".utf8CString)
    root = template.withUnsafeMutableBufferPointer { String(cString: mkdtemp($0.baseAddress!)) }
    chmod(root, 0o711)
    let sidecar = root + "/stand-in"
    Self.write(sidecar, Self.standIn)
    chmod(sidecar, 0o755)
    let depth = deep ? "/" + String(repeating: "d", count: 120) : ""
    configuration = LocalConfiguration(dataDirectory: root + depth + "/data", sidecarPath: sidecar)
    change(&configuration)
    backend = LocalBackend(
      configuration, workers: workers, desktops: DesktopPasswords(secret: [7]), logger: Self.quiet)
    listen()
  }

  static let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

  /// Drops the backend as kill -9 would, and makes another one on the same folder.
  func restart() async throws -> [SandboxRecord] {
    backend.detach()
    backend = LocalBackend(
      configuration, workers: workers, desktops: DesktopPasswords(secret: [7]), logger: Self.quiet)
    listen()
    return try await backend.start()
  }

  private func listen() {
    backend.onEvent = { [unowned self] event in
      events.append(event)
      eventWaiter?.resume()
      eventWaiter = nil
    }
  }

  func nextEvent() async -> SandboxEvent {
    while events.isEmpty {
      await withCheckedContinuation { eventWaiter = $0 }
    }
    return events.removeFirst()
  }

  /// Ends every sandbox, checks that nothing is left of them, and removes the folder.
  func end() async {
    await backend.shutdown()
    if let directory = backend.host?.directory {
      let cgroups = backend.host?.cgroups.folders ?? []
      let left = await backend.patiently {
        let processes = HostProcess.commandLines().filter {
          BubblewrapCommand.sandboxID(ofCommandLine: $0.words, under: directory.sandboxes) != nil
        }
        return processes.map { "process \($0.pid)" } + HostFiles.names(in: directory.run)
          + HostFiles.names(in: directory.sandboxes)
          + cgroups.filter { $0.exists }.map { "cgroup \($0.path)" }
      }
      #expect(left.isEmpty)
    }
    backend.detach()
    let root = root
    let data = DataDirectory(path: configuration.dataDirectory)
    await backend.patiently {
      StrayProcesses.end(under: data) { _ in true }  // of a test that failed half-way
      try? SandboxRemoval.removeTree(root)
    }
    workers.close()
  }

  /// The data folder's real path.
  var directory: DataDirectory { backend.host!.directory }

  func state(_ id: String) throws -> SandboxState { try SandboxState.load(id, in: directory) }

  // MARK: Sandboxes

  nonisolated static func record(
    _ id: String = SandboxID.random(), template: String = "base", env: [String: String] = [:],
    gui: Bool = false,
    resources: SandboxRecord.Resources = .init(cpuMilli: 500, memoryBytes: 1 << 30),
    network: SandboxNetwork? = nil
  ) -> SandboxRecord {
    SandboxRecord(
      id: id, owner: "alice", template: template, env: env, ports: [3000], gui: gui,
      metadata: ["team": "a\u{301}\"b"], resources: resources,
      createdAtMs: 1_700_000_000_000, expiresAtMs: 1_700_003_600_000,
      idempotency: .init(key: "key-1", bodyHash: "00ff"), network: network)
  }

  /// Creates a sandbox and returns its id.
  func create(template: String = "base", env: [String: String] = [:]) async throws -> String {
    let record = Self.record(template: template, env: env)
    try await backend.create(record)
    return record.id
  }

  func create(resources: SandboxRecord.Resources) async throws -> String {
    let record = Self.record(resources: resources)
    try await backend.create(record)
    return record.id
  }

  /// Runs a shell script inside; the answer is what it wrote (both streams), without the last
  /// line's end.
  func run(_ id: String, _ script: String) async throws -> String {
    let stream = try backend.dial(id: id, .sidecar)
    return await withCheckedContinuation { continuation in
      stream.delegate = Answer(stream) { continuation.resume(returning: $0) }
      stream.write(Array(script.utf8))
      stream.endWriting()
      stream.resumeReading()
    }
  }

  // MARK: Files

  nonisolated static func write(_ path: String, _ text: String) {
    let bytes = Array(text.utf8)
    guard let file = fopen(path, "w") else { return }
    fwrite(bytes, 1, bytes.count, file)
    fclose(file)
  }

  /// Takes the calls of the real sidecar: `serve --listen-fd 3 …`.
  private static let standIn = """
    #!/usr/bin/python3
    import os, socket, subprocess, sys
    assert sys.argv[1:4] == ["serve", "--listen-fd", "3"], sys.argv
    listener = socket.socket(fileno=3)
    listener.setblocking(True)
    os.set_inheritable(3, False)
    print("stand-in is up", flush=True)
    while True:
        peer, _ = listener.accept()
        if os.fork() == 0:
            script = b""
            while chunk := peer.recv(65536):
                script += chunk
            done = subprocess.run(
                ["/bin/bash", "-c", script], stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            peer.sendall(done.stdout)
            os._exit(0)
        peer.close()

    """
}

/// Collects what a stream receives until it ends.
private final class Answer: ByteStreamDelegate {
  private var bytes: [UInt8] = []
  private var done: ((String) -> Void)?
  private weak var stream: (any ByteStream)?

  init(_ stream: any ByteStream, _ done: @escaping (String) -> Void) {
    self.stream = stream
    self.done = done
  }

  func streamDidReceive(_ more: UnsafeMutableRawBufferPointer) { bytes.append(contentsOf: more) }
  func streamDidEnd() {
    stream?.close()
    finish()
  }
  func streamDidClose(_ error: StreamError?) { finish() }

  private func finish() {
    let done = self.done
    self.done = nil
    if bytes.last == UInt8(ascii: "\n") { bytes.removeLast() }
    done?(String(decoding: bytes, as: UTF8.self))
  }
}
