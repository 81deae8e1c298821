import Testing

@testable import XgenServer

@Suite struct ProcessMetricsTests {
  private static let boot = "cpu  1 2 3\nbtime 1700000000\nprocesses 5\n"

  private func parse(_ stat: String, _ system: String = boot) -> ProcessMetrics? {
    ProcessMetrics(stat: stat, systemStat: system, ticksPerSecond: 100, pageBytes: 4096)
  }

  @Test func readsTheFieldsOfProc() throws {
    let stat =
      "7 (a) b) S 1 7 7 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 9 0 1234 10485760 512 1844 1 1"
    let metrics = try #require(parse(stat))
    #expect(metrics.cpuSeconds == 3)
    #expect(metrics.threads == 9)
    #expect(metrics.startSeconds == 1_700_000_012.34)
    #expect(metrics.virtualBytes == 10_485_760)
    #expect(metrics.residentBytes == 512 * 4096)
  }

  @Test(arguments: [
    "", "7 (a", "7 (a) S 1 7", "7 (a) S 1 7 7 0 -1 4 1 0 0 0 x 50 0 0 20 0 9 0 1 1 1",
  ])
  func refusesWhatIsNoStat(stat: String) { #expect(parse(stat) == nil) }

  @Test func knowsThisProcess() throws {
    let metrics = try #require(ProcessMetrics.read())
    #expect(metrics.residentBytes > 1 << 20 && metrics.virtualBytes >= metrics.residentBytes)
    #expect(metrics.openFiles > 2 && metrics.maxFiles >= UInt64(metrics.openFiles))
    #expect(metrics.threads >= 1)
    #expect(Double(Clock.system.nowMs()) / 1000 - metrics.startSeconds < 86_400)
  }
}
