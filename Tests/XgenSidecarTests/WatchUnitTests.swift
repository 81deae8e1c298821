import Glibc
import Testing
import XgenProtocol

@testable import XgenSidecar

/// The pure parts of watching.
@Suite struct WatchUnitTests {
  private func bytes(_ watch: Int32, _ mask: UInt32, _ name: [UInt8]) -> [UInt8] {
    var bytes: [UInt8] = []
    for word in [UInt32(bitPattern: watch), mask, 0, UInt32(name.count)] {
      withUnsafeBytes(of: word) { bytes.append(contentsOf: $0) }
    }
    return bytes + name
  }

  @Test func parsesEventsUpToCutTail() {
    let whole = bytes(3, UInt32(IN_CREATE), Array("ab\0\0".utf8)) + bytes(-1, 0x4000, [])
    let expected = [
      InotifyEvent(watch: 3, mask: UInt32(IN_CREATE), name: "ab"),
      InotifyEvent(watch: -1, mask: 0x4000, name: ""),
    ]
    for length in 0...whole.count {
      let events = whole.prefix(length).withUnsafeBytes { InotifyEvent.parse($0) }
      #expect(events == Array(expected.prefix(length < 20 ? 0 : length < 36 ? 1 : 2)))
    }
  }

  @Test func changeListDropsRepetitionsOnly() {
    var list = ChangeList()
    let changes: [(String, FsEvent.Change)] = [
      ("a", .created), ("a", .modified), ("a", .modified), ("b", .modified), ("b", .modified),
      ("a", .deleted), ("a", .created), ("a", .deleted),
    ]
    for (path, change) in changes { list.add(FsEvent(path: path, change: change)) }
    list.add(FsEvent(path: "a", change: .deleted), channel: 5)
    let told = list.takeAll().map { "\($0.channel) \($0.event.change) \($0.event.path)" }
    #expect(
      told == [
        "0 created a", "0 modified b", "0 deleted a", "0 created a", "0 deleted a", "5 deleted a",
      ])
    #expect(list.isEmpty)
  }

  @Test func pathLiesBelowWholeComponentsOnly() {
    #expect(WatchTable.lies("a/b", below: "a"))
    #expect(WatchTable.lies("a", below: ""))
    #expect(!WatchTable.lies("ab", below: "a"))
    #expect(!WatchTable.lies("a", below: "a"))
    #expect(WatchScan.parent(of: "a/b/c") == "a/b")
    #expect(WatchScan.parent(of: "a") == "")
  }
}
