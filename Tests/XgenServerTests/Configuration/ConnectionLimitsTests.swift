import Reactor
import Testing

@testable import XgenServer

@Suite struct ConnectionLimitsTests {
  private func limits(_ text: String) throws -> HTTPServerLimits {
    var limits = HTTPServerLimits()
    try ConnectionLimits.apply(text, to: &limits)
    return limits
  }

  @Test func eachNameSetsItsOwnLimitAndNoOther() throws {
    let defaults = HTTPServerLimits()
    for entry in ConnectionLimits.all {
      let value = entry.range.contains(4321) ? 4321 : entry.range.upperBound
      #expect(entry.get(defaults) != value, "\(entry.name) would change nothing")
      #expect(entry.range.contains(entry.get(defaults)), "\(entry.name)")
      let changed = try limits("\(entry.name)=\(value)")
      for other in ConnectionLimits.all {
        let expected = other.name == entry.name ? value : other.get(defaults)
        #expect(other.get(changed) == expected, "\(entry.name) changes \(other.name)")
      }
    }
  }

  @Test func everyLimitOfAConnectionHasAName() {
    let named = Set(ConnectionLimits.all.map(\.name))
    #expect(
      named.isSuperset(of: [
        "connections", "connections-per-peer", "head-bytes", "header-count", "target-bytes",
        "body-bytes", "head-ms", "body-bytes-per-second", "idle-ms", "requests-per-connection",
      ]))
    #expect(named.count == ConnectionLimits.all.count)
  }

  @Test func severalAreSetAtOnce() throws {
    let limits = try limits("idle-ms=60,connections=7")
    #expect(limits.idleMs == 60 && limits.maxConnections == 7)
  }

  @Test(arguments: [
    "", "idle-ms", "idle-ms=", "=5", "nope=5", "idle-ms=x", "idle-ms=49", "idle-ms=3600001",
    "idle-ms=60,", "connections=0", "head-bytes=65536", "idle-ms=60=1",
  ])
  func whatCannotBeUsedIsRefused(text: String) {
    #expect(throws: SettingError.self) { try limits(text) }
  }
}
