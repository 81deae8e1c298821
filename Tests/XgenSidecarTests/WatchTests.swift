import Glibc
import Testing
import XgenProtocol

@testable import XgenSidecar

/// FsWatch and its events.
@Suite struct WatchTests {
  private func watching(_ path: String = "", prepare: String = "true") throws
    -> (SidecarHarness, Client)
  {
    let harness = try SidecarHarness()
    let client = harness.connect()
    client.shell(prepare, channel: 1)
    client.waitForExit(1)
    client.send(FsWatch(path: path), channel: 0, id: 50)
    #expect(client.wait(for: 50)?.head.messageType == .ack)
    return (harness, client)
  }

  @Test func tellsCreatedModifiedAndDeleted() throws {
    let (harness, client) = try watching()
    client.shell("mkdir d; : > f; sleep 0.1; echo x >> f; sleep 0.1; rm f; rmdir d")
    harness.run { client.has("deleted d") && client.has("deleted f") }
    #expect(
      Array(client.changes.filter { $0.hasSuffix("f") })
        == ["created f", "modified f", "deleted f"])
    #expect(
      client.wire.messages.filter { $0.head.messageType == .fsEvent }
        .allSatisfy { $0.head.id == 0 })
    harness.finish()
  }

  @Test func renameIsDeletedAndCreated() throws {
    let (harness, client) = try watching(prepare: "touch a")
    client.shell("mv a b")
    harness.run { client.has("created b") }
    #expect(client.changes == ["deleted a", "created b"])
    harness.finish()
  }

  @Test func watchesFoldersThatAppearAndTellsWhatIsInThem() throws {
    let (harness, client) = try watching()
    client.shell("mkdir -p a/b/c; touch a/b/c/first; sleep 0.2; touch a/b/c/second")
    harness.run { client.has("created a/b/c/second") }
    let expected = ["a", "a/b", "a/b/c", "a/b/c/first", "a/b/c/second"].map { "created " + $0 }
    #expect(client.changes == expected)
    harness.finish()
  }

  @Test func watchesExistingSubfoldersAndMovedOnes() throws {
    let (harness, client) = try watching(prepare: "mkdir -p x/y z; touch x/y/old")
    client.shell("touch x/y/new; sleep 0.1; mv x/y z/w; sleep 0.2; touch z/w/late")
    harness.run { client.has("created z/w/late") }
    for line in ["created x/y/new", "deleted x/y", "created z/w", "created z/w/old"] {
      #expect(client.has(line), "\(line)")
    }
    #expect(!client.has("created x/y/late"))
    harness.finish()
  }

  @Test func tellsOnlyWhatLiesBelowTheWatchedPath() throws {
    let (harness, client) = try watching("in", prepare: "mkdir in out inner")
    client.shell("touch out/a inner/b in/c")
    harness.run { client.has("created in/c") }
    harness.run(forMs: 60)
    #expect(client.changes == ["created in/c"])
    harness.finish()
  }

  @Test func watchesSingleFileAlsoWhenItIsReplaced() throws {
    let (harness, client) = try watching("d/file", prepare: "mkdir d; touch d/file")
    client.shell("echo 1 > d/file; touch d/other; sleep 0.1; echo 2 > d/new; mv d/new d/file")
    harness.run { client.has("created d/file") }
    #expect(client.changes == ["modified d/file", "created d/file"])
    harness.finish()
  }

  @Test func manyWritesAreFewEvents() throws {
    let (harness, client) = try watching(prepare: "touch f")
    client.start(
      "/usr/bin/python3", ["-c", "f = open('f', 'wb', 0)\nfor i in range(20000): f.write(b'x')"])
    #expect(client.waitForExit() == 0)
    harness.run { client.has("modified f") }
    harness.run(forMs: 60)
    #expect(client.changes.count < 400)
    harness.finish()
  }

  @Test func ownWritesShowNoTemporaryNames() throws {
    let (harness, client) = try watching()
    client.write("x", [1], id: 1)
    harness.run { client.has("created x") }
    #expect(client.changes == ["created x"])
    harness.finish()
  }

  @Test func unwatchEndsEventsAndClosesInotify() throws {
    let (harness, client) = try watching("d", prepare: "mkdir d")
    client.send(FsWatch(path: "d", unwatch: true), id: 51)
    #expect(client.wait(for: 51)?.head.messageType == .ack)
    #expect(harness.sidecar.watches.directoryCount == 0)
    client.shell("touch d/x")
    client.waitForExit()
    harness.run(forMs: 60)
    #expect(client.changes == [])
    client.send(FsWatch(path: "d", unwatch: true), id: 52)
    client.wait(for: 52)
    #expect(client.error(52) == .notFound)
    harness.finish()
  }

  @Test func sessionsWatchTheSamePathIndependently() throws {
    let (harness, first) = try watching()
    let second = harness.connect()
    second.send(FsWatch(path: "/"), channel: 9, id: 1)
    second.wait(for: 1)
    first.shell("touch a")
    harness.run { first.has("created a") && second.has("created a") }
    #expect(second.wire.messages.last { $0.head.messageType == .fsEvent }?.head.channel == 9)
    first.session.close()
    second.shell("touch b")
    harness.run { second.has("created b") }
    #expect(!first.has("created b"))
    harness.finish()
  }

  @Test func deletedRootIsTold() throws {
    let (harness, client) = try watching("d", prepare: "mkdir d")
    client.shell("rmdir d")
    harness.run { client.has("deleted d") }
    harness.finish()
  }

  @Test func missingPathIsNotFound() throws {
    let harness = try SidecarHarness()
    let client = harness.connect()
    client.send(FsWatch(path: "nowhere"), id: 1)
    client.wait(for: 1)
    #expect(client.error(1) == .notFound)
    harness.finish()
  }

  @Test func watchesAndFoldersAreLimited() throws {
    let harness = try SidecarHarness {
      $0.watchesPerSession = 2
      $0.watchedDirectories = 3
    }
    let client = harness.connect()
    client.shell("mkdir -p a b c/1/2/3", channel: 1)
    client.waitForExit(1)
    client.send(FsWatch(path: "c"), id: 2)
    client.wait(for: 2)
    #expect(client.error(2) == .limitReached)
    client.send(FsWatch(path: "a"), id: 3)
    client.wait(for: 3)
    client.send(FsWatch(path: "b"), id: 4)
    client.wait(for: 4)
    client.send(FsWatch(path: "c/1/2/3"), id: 5)
    client.wait(for: 5)
    #expect(client.error(3) == nil && client.error(4) == nil)
    #expect(client.error(5) == .limitReached)
    client.shell("mkdir a/1 a/2", channel: 1)
    harness.run { client.first(ErrorPayload.self) { $0.id == 0 }?.knownCode == .watchError }
    harness.finish()
  }

  @Test func eventsWaitForSlowClient() throws {
    let (harness, client) = try watching()
    client.wire.isCongested = true
    client.shell("touch a b; sleep 0.1; echo x > a; sleep 0.1; echo x > a; touch end")
    harness.run { access(harness.workspace + "/end", F_OK) == 0 }
    harness.run(forMs: 100)
    #expect(client.changes == [])
    client.drain(room: 1_000_000)
    #expect(client.changes == ["created a", "created b", "created end"])
    harness.finish()
  }
}

extension Client {
  /// `created path`, in order.
  fileprivate var changes: [String] {
    all(FsEvent.self).map { "\($0.change.rawValue) \($0.path)" }
  }

  fileprivate func has(_ change: String) -> Bool { changes.contains(change) }
}
