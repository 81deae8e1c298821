import Glibc
import Testing
@testable import XgenServer
@Suite struct ZzTemp {
  @Test(.enabled(if: getenv("ZZ") != nil)) func leak() async throws {
    try await LocalFixture.with { f in
      func fds() -> Int { HostFiles.names(in: "/proc/self/fd").count }
      func rss() -> String { String(decoding: (try? HostFiles.read("/proc/self/statm", limit: 4096)) ?? [], as: UTF8.self) }
      for round in 0..<6 {
        var create: [Double] = [], del: [Double] = []
        for _ in 0..<20 {
          let c = ContinuousClock.now
          let id = try await f.create()
          create.append(Double((ContinuousClock.now - c).components.attoseconds) / 1e15)
          _ = try await f.run(id, "echo hi")
          let d = ContinuousClock.now
          await f.backend.delete(id: id)
          del.append(Double((ContinuousClock.now - d).components.attoseconds) / 1e15)
        }
        create.sort(); del.sort()
        print("round", round, "fds", fds(), "statm", rss(), "create p50", create[10], "max", create[19], "delete p50", del[10])
      }
    }
  }
}
