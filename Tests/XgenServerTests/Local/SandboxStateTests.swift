import Testing

@testable import XgenServer

/// The state file's format.
@Suite struct SandboxStateTests {
  private static let limits = SandboxLimits(
    cpuMilli: 500, memoryBytes: 1 << 30, diskBytes: 2 << 30)
  private static let full = SandboxState(
    record: LocalFixture.record(
      "abc", template: "python", env: ["B": "\u{0}\n", "A": "ü"], network: .internet),
    uid: 200_007, limits: limits, bootID: "boot",
    processes: .init(
      sidecar: HostProcess(pid: 4711, startTicks: 99),
      monitor: HostProcess(pid: 4710, startTicks: 98),
      network: HostProcess(pid: 4712, startTicks: 100)))

  @Test func comesBackAsItWasWritten() throws {
    #expect(try SandboxState(decoding: Self.full.encoded()) == Self.full)
    let record = SandboxRecord(
      id: "x", owner: "", template: "base", env: [:], ports: [], gui: true, metadata: [:],
      resources: .init(), createdAtMs: 0,
      expiresAtMs: Timestamp.unixMilliseconds.upperBound, idempotency: nil)
    let least = SandboxState(record: record, uid: nil, limits: Self.limits, bootID: "")
    #expect(try SandboxState(decoding: least.encoded()) == least)
  }

  @Test func theSameStateHasTheSameBytes() {
    #expect(Self.full.encoded() == Self.full.encoded())
  }

  @Test func everyTruncationIsRefused() {
    let bytes = Self.full.encoded()
    for length in 0..<bytes.count {
      #expect(throws: LocalError.self) { try SandboxState(decoding: Array(bytes[..<length])) }
    }
  }

  @Test func noChangedByteIsATrap() {
    let bytes = Self.full.encoded()
    for position in bytes.indices {
      for value in [0, UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "\""), 0xFF] {
        var changed = bytes
        changed[position] = value
        _ = try? SandboxState(decoding: changed)
      }
    }
  }

  @Test(arguments: [
    ("\"version\":2", "\"version\":1"), ("\"limits\"", "\"limit\""),
    ("\"disk_bytes\":2147483648", "\"disk_bytes\":0"), ("\"pid\":4711", "\"pid\":1"),
    ("\"pid\":4711", "\"pid\":-1"), ("\"pid\":4711", "\"pid\":2147483648"),
    ("\"start_ticks\":99", "\"start_ticks\":-1"), ("\"uid\":200007", "\"uid\":4294967296"),
    ("[3000]", "[0]"), ("[3000]", "[65536]"), ("\"monitor\"", "\"other\""),
    ("\"owner\":\"alice\"", "\"owner\":7"), ("\"record\"", "\"records\""),
    ("\"created_at_ms\"", "\"created\""),
    ("\"network\":\"internet\"", "\"network\":\"lan\""), ("\"pid\":4712", "\"pid\":0"),
    ("\"created_at_ms\":", "\"created_at_ms\":-"),
  ])
  func implausibleValuesAreRefused(_ from: String, _ to: String) throws {
    let text = String(decoding: Self.full.encoded(), as: UTF8.self)
    let parts = text.split(separator: from, omittingEmptySubsequences: false)
    #expect(parts.count == 2)
    #expect(throws: LocalError.self) {
      try SandboxState(decoding: Array(parts.joined(separator: to).utf8))
    }
  }
}
