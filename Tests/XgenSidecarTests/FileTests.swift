import Glibc
import Reactor
import Testing
import XgenProtocol

@testable import XgenSidecar

/// Reading, writing and listing files.
@Suite struct FileTests {
  @Test func roundTripOfOneMiB() throws {
    let harness = try SidecarHarness()
    let client = harness.connect()
    let content = (0..<1024 * 1024).map { UInt8(truncatingIfNeeded: $0 &* 7 >> 2) }
    client.write("a/b/c.bin", content, id: 1)
    client.wait(for: 1)
    #expect(client.answer(1)?.head.messageType == .ack)
    client.send(FsRead(path: "/a/b/c.bin"), channel: 3, id: 2)
    let reply = client.wait(for: 2)
    #expect(reply?.head == EnvelopeHead(.fsRead, channel: 3, id: 2))
    #expect(reply?.payload == content)
    harness.finish()
  }

  @Test func readsEmptyFileAndFileOfUnknownSize() throws {
    let harness = try SidecarHarness()
    let client = harness.connect()
    client.write("empty", [], id: 1)
    client.wait(for: 1)
    client.send(FsRead(path: "empty"), id: 2)
    #expect(client.wait(for: 2)?.head.messageType == .fsRead)
    #expect(client.answer(2)?.payload == [])
    harness.finish()
  }

  @Test func writeSetsAndKeepsMode() throws {
    let harness = try SidecarHarness()
    let client = harness.connect()
    client.write("plain", [1], id: 1)
    client.write("script", [1], mode: 0o750, id: 2)
    for id: UInt32 in 1...2 { client.wait(for: id) }
    client.write("script", [2], id: 3)
    client.wait(for: 3)
    #expect(harness.mode("plain") == 0o644)
    #expect(harness.mode("script") == 0o750)
    harness.finish()
  }

  @Test func writeLeavesNoTemporaryFile() throws {
    let harness = try SidecarHarness()
    let client = harness.connect()
    client.write("x", [1], id: 1)
    client.shell("mkdir folder", channel: 1)
    client.waitForExit(1)
    client.write("folder", [1], id: 2)
    client.wait(for: 2)
    #expect(client.error(2) == .fsError)
    let names = try client.list("", id: 3).map(\.name)
    #expect(names == ["folder", "x"])
    harness.finish()
  }

  @Test func missingFileIsNotFoundAndFolderIsError() throws {
    let harness = try SidecarHarness()
    let client = harness.connect()
    client.send(FsRead(path: "nothing"), id: 1)
    client.send(FsRead(path: ""), id: 2)
    client.send(FsList(path: "nothing"), id: 3)
    client.send(FsRemove(path: "nothing", recursive: true), id: 4)
    let expected: [ErrorCode] = [.notFound, .fsError, .notFound, .notFound]
    for (index, code) in expected.enumerated() {
      client.wait(for: UInt32(index + 1))
      #expect(client.error(UInt32(index + 1)) == code)
    }
    harness.finish()
  }

  @Test func fifoIsRefusedAndDoesNotBlock() throws {
    let harness = try SidecarHarness()
    let client = harness.connect()
    mkfifo(harness.workspace + "/fifo", 0o600)
    client.send(FsRead(path: "fifo"), id: 1)
    client.write("fifo", [1], id: 2)
    for id: UInt32 in 1...2 {
      client.wait(for: id)
      #expect(client.error(id) == .fsError)
    }
    harness.finish()
  }

  @Test func fileOverLimitIsTooLarge() throws {
    let harness = try SidecarHarness { $0.maxFileBytes = 1000 }
    let client = harness.connect()
    client.write("fits", [UInt8](repeating: 1, count: 1000), id: 1)
    client.write("large", [UInt8](repeating: 1, count: 1001), id: 2)
    for id: UInt32 in 1...2 { client.wait(for: id) }
    client.send(FsRead(path: "fits"), id: 3)
    client.send(FsRead(path: "large"), id: 4)
    #expect(client.wait(for: 3)?.payload.count == 1000)
    client.wait(for: 4)
    #expect(client.error(4) == .tooLarge)
    harness.finish()
  }

  @Test func listHasBothSpellingsAndIsSorted() throws {
    let harness = try SidecarHarness()
    let client = harness.connect()
    client.shell("mkdir d; printf abc > b; touch -d @1000000000 b; touch a 'Z'", channel: 1)
    client.waitForExit(1)
    let entries = try client.list("/home/sandbox/workspace", id: 2)
    #expect(entries.map(\.name) == ["Z", "a", "b", "d"])
    #expect(entries[2].size == 3 && !entries[2].isDirectory)
    #expect(entries[2].modifiedAt == 1_000_000_000)
    #expect(entries[3].isDirectory)
    let raw = String(decoding: client.answer(2)!.payload, as: UTF8.self)
    for key in ["isDir", "is_dir", "modTime", "mod_time"] { #expect(raw.contains(key)) }
    harness.finish()
  }

  @Test func listOverLimitIsRefused() throws {
    let harness = try SidecarHarness { $0.listedEntries = 3 }
    let client = harness.connect()
    client.shell("touch 1 2 3", channel: 1)
    client.waitForExit(1)
    #expect(try client.list("", id: 2).count == 3)
    client.shell("touch 4", channel: 1)
    harness.run { client.wire.types.count { $0 == .execExit } == 2 }
    client.send(FsList(path: ""), id: 3)
    client.wait(for: 3)
    #expect(client.error(3) == .limitReached)
    harness.finish()
  }

  @Test func transfersWaitInBoundedLine() throws {
    let harness = try SidecarHarness { $0.fileTransfersWaiting = 3 }
    let client = harness.connect()
    client.write("x", [1, 2], id: 100)
    client.wait(for: 100)
    for id: UInt32 in 1...6 { client.send(FsRead(path: "x"), channel: id, id: id) }
    #expect(client.error(6) == .limitReached)
    for id: UInt32 in 1...5 { #expect(client.wait(for: id)?.payload == [1, 2]) }
    harness.finish()
  }

  @Test func unreadTransferKeepsItsTurn() throws {
    let harness = try SidecarHarness()
    let client = harness.connect()
    client.write("x", [1], id: 100)
    client.wait(for: 100)
    client.wire.isCongested = true
    for id: UInt32 in 1...3 { client.send(FsRead(path: "x"), channel: id, id: id) }
    client.wait(for: 1)
    client.wait(for: 2)
    harness.run(forMs: 30)
    #expect(client.answer(3) == nil)
    client.drain(room: 1_000_000)
    client.wait(for: 3)
    harness.finish()
  }

  @Test func writesThatWaitPauseTheClient() throws {
    let harness = try SidecarHarness { $0.heldBytesPerSession = 100 }
    let client = harness.connect()
    for id: UInt32 in 1...3 { client.write("f", [UInt8](repeating: 0, count: 200), id: id) }
    #expect(client.wire.isPaused)
    client.wait(for: 3)
    #expect(!client.wire.isPaused)
    harness.finish()
  }
}

extension FileTests {
  /// Wire protocol, Semantics: frames of one channel are handled in order.
  @Test func requestsOfOneChannelAreHandledInOrder() throws {
    let harness = try SidecarHarness()
    let client = harness.connect()
    for round: UInt32 in 0..<20 {
      let id = 10 * round + 1
      client.write("dir/x", Array("\(round)".utf8), id: id)
      client.send(FsRead(path: "dir/x"), id: id + 1)
      client.send(ExecStart(command: "cat", args: ["dir/x"]), channel: 0, id: id + 2)
      client.send(FsRemove(path: "dir", recursive: true), id: id + 3)
      client.send(FsRead(path: "dir/x"), id: id + 4)
    }
    client.wait(for: 195)
    for round: UInt32 in 0..<20 {
      #expect(client.answer(10 * round + 2)?.payload == Array("\(round)".utf8))
      #expect(client.ack(10 * round + 3) != nil)
      #expect(client.error(10 * round + 5) == .notFound)
    }
    let ids = client.wire.messages.map(\.head.id).filter { $0 != 0 }
    #expect(ids == ids.sorted())
    harness.finish()
  }

  @Test func otherChannelsDoNotWait() throws {
    let harness = try SidecarHarness()
    let client = harness.connect()
    client.send(FsList(path: ""), channel: 1, id: 1)
    client.send(ExecSignal(signal: .interrupt), channel: 1, id: 2)
    client.send(ExecSignal(signal: .interrupt), channel: 2, id: 3)
    client.send(EnvelopeHead(.ping, channel: 1, id: 4).message())
    #expect(client.error(2) == nil)
    #expect(client.error(3) == .unknownProcess)
    #expect(client.answer(4) != nil)
    client.wait(for: 2)
    #expect(client.error(2) == .unknownProcess)
    harness.finish()
  }
}

extension Client {
  func write(_ path: String, _ content: [UInt8], mode: UInt32? = nil, id: UInt32) {
    content.withUnsafeBytes { send(FsWrite(path: path, content: $0, mode: mode), id: id) }
  }

  func list(_ path: String, id: UInt32) throws -> [FsEntry] {
    send(FsList(path: path), id: id)
    wait(for: id)
    return try #require(first(FsListReply.self) { $0.id == id }).entries
  }
}

extension SidecarHarness {
  func mode(_ path: String) -> UInt32? {
    var status = stat()
    return lstat(workspace + "/" + path, &status) == 0 ? status.st_mode & 0o7777 : nil
  }

  func exists(_ path: String) -> Bool { mode(path) != nil }
}
