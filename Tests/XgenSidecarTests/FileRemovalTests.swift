import Glibc
import Testing
import XgenProtocol

@testable import XgenSidecar

/// FsRemove, of files and of trees.
@Suite struct FileRemovalTests {
  @Test func removesFileAndEmptyFolder() throws {
    let harness = try SidecarHarness()
    let client = harness.connect()
    client.shell("touch file; mkdir folder", channel: 1)
    client.waitForExit(1)
    client.send(FsRemove(path: "file"), id: 1)
    client.send(FsRemove(path: "folder"), id: 2)
    for id: UInt32 in 1...2 { #expect(client.wait(for: id)?.head.messageType == .ack) }
    #expect(try client.list("", id: 3).isEmpty)
    harness.finish()
  }

  @Test func fullFolderGoesOnlyRecursively() throws {
    let harness = try SidecarHarness()
    let client = harness.connect()
    client.shell("mkdir -p tree/a/b; touch tree/x tree/a/y tree/a/b/z; ln -s /usr tree/usr")
    client.waitForExit()
    client.send(FsRemove(path: "tree"), id: 2)
    client.wait(for: 2)
    #expect(client.error(2) == .fsError)
    #expect(harness.exists("tree/a/b/z"))
    client.send(FsRemove(path: "tree", recursive: true), id: 3)
    #expect(client.wait(for: 3)?.head.messageType == .ack)
    #expect(!harness.exists("tree"))
    #expect(access("/usr/bin", F_OK) == 0)
    harness.finish()
  }

  @Test func removesTreeDeeperThanDescriptorsAndPaths() throws {
    let harness = try SidecarHarness()
    let client = harness.connect()
    let script = """
      import os
      for top in 'a', 'b':
        os.chdir('\(harness.workspace)'); os.makedirs('deep', exist_ok=True); os.chdir('deep')
        for i in range(1500):
          os.mkdir(top + 'name'); os.chdir(top + 'name'); open('file', 'w').close()
      """
    client.start("/usr/bin/python3", ["-c", script])
    #expect(client.waitForExit() == 0)
    client.send(FsRemove(path: "deep", recursive: true), id: 2)
    #expect(client.wait(for: 2)?.head.messageType == .ack)
    #expect(!harness.exists("deep"))
    harness.finish()
  }

  @Test func refusesWorkspaceItself() throws {
    let harness = try SidecarHarness()
    let client = harness.connect()
    for (index, path) in ["", "/", ".", "/home/sandbox/workspace", "a/.."].enumerated() {
      let id = UInt32(index + 1)
      client.send(FsRemove(path: path, recursive: true), id: id)
      client.wait(for: id)
      #expect(client.error(id) == .fsError, "\(path)")
    }
    #expect(access(harness.workspace, F_OK) == 0)
    harness.finish()
  }
}
