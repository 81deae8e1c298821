import Glibc
import Testing
import XgenProtocol

@testable import XgenSidecar

/// No path leads out of the workspace; links that stay inside work.
@Suite struct FileEscapeTests {
  /// A workspace with links that lead out and links that don't; `secret` lies beside it.
  private func prepared() throws -> (SidecarHarness, Client) {
    let harness = try SidecarHarness()
    try writeFile(harness.folder + "/secret", Array("secret".utf8))
    let client = harness.connect()
    let script = """
      mkdir -p inner/deep; echo -n fine > inner/file
      ln -s ../secret up; ln -s /etc etc; ln -s .. parent; ln -s \(harness.folder)/secret absolute
      ln -s inner/file near; ln -s ../inner inner/loop; ln -s $PWD/inner far; ln -s self self
      """
    client.shell(script, channel: 1)
    client.waitForExit(1)
    return (harness, client)
  }

  @Test func refusesToLeaveByDotsAndByLinks() throws {
    let (harness, client) = try prepared()
    let paths = [
      "../secret", "inner/../../secret", "up", "etc/passwd", "parent/secret", "absolute",
      "/../secret", "parent", "etc",
    ]
    for (index, path) in paths.enumerated() {
      let id = UInt32(index * 10)
      client.send(FsRead(path: path), id: id + 1)
      client.write(path, [1], id: id + 2)
      client.write("parent/new/folder/x", [1], id: id + 6)
      client.write(path + "/new", [1], id: id + 3)
      client.send(FsList(path: path), id: id + 4)
      client.send(FsWatch(path: path), id: id + 5)
      for request in [1, 2, 4, 5] as [UInt32] {
        client.wait(for: id + request)
        #expect(client.error(id + request) == .pathEscapesWorkspace, "\(path) \(request)")
      }
      client.wait(for: id + 3)
      #expect(client.error(id + 3) != nil, "\(path)")
    }
    #expect(access(harness.folder + "/new", F_OK) != 0)
    harness.finish()
  }

  @Test func removesLinkAndNotItsTarget() throws {
    let (harness, client) = try prepared()
    client.send(FsRemove(path: "up"), id: 1)
    client.send(FsRemove(path: "etc", recursive: true), id: 2)
    client.send(FsRemove(path: "parent/secret"), id: 3)
    for id: UInt32 in 1...3 { client.wait(for: id) }
    #expect(client.error(1) == nil && client.error(2) == nil)
    #expect(client.error(3) == .pathEscapesWorkspace)
    #expect(access(harness.folder + "/secret", F_OK) == 0)
    #expect(access("/etc/passwd", F_OK) == 0)
    #expect(!harness.exists("etc"))
    harness.finish()
  }

  @Test(arguments: ["near", "inner/loop/file", "far/file", "inner/deep/../file", "/inner/file"])
  func linksThatStayInsideWork(_ path: String) throws {
    let (harness, client) = try prepared()
    client.send(FsRead(path: path), id: 1)
    #expect(client.wait(for: 1)?.payload == Array("fine".utf8))
    client.write(path, Array("new".utf8), id: 2)
    client.wait(for: 2)
    #expect(client.answer(2)?.head.messageType == .ack)
    client.send(FsRead(path: "inner/file"), id: 3)
    #expect(client.wait(for: 3)?.payload == Array("new".utf8))
    harness.finish()
  }

  @Test func linkToItselfIsError() throws {
    let (harness, client) = try prepared()
    client.send(FsRead(path: "self"), id: 1)
    client.wait(for: 1)
    #expect(client.error(1) == .fsError)
    harness.finish()
  }

  @Test func writesThroughLinkedFolderInside() throws {
    let (harness, client) = try prepared()
    client.write("far/new/x", [1], id: 1)
    client.write("inner/loop/y", [1], id: 2)
    for id: UInt32 in 1...2 {
      client.wait(for: id)
      #expect(client.answer(id)?.head.messageType == .ack)
    }
    #expect(harness.exists("inner/new/x") && harness.exists("inner/y"))
    harness.finish()
  }
}
