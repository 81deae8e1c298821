import Glibc
import Reactor
import TestSupport
import Testing
import XgenProtocol

@testable import XgenSidecar

/// `/files` with paths that must not be, clients that break off or don't read, and disks that are
/// full.
@Suite struct FileStreamFaultTests {
  @Test(arguments: [
    "../secret", "inner/../../secret", "up", "etc/passwd", "parent/secret", "absolute",
    "%2E%2E/secret", "/..%2Fsecret", "/home/sandbox/workspace/../secret",
  ])
  func noPathLeadsOut(path: String) throws {
    let site = try FileSite()
    let folder = site.harness.folder
    site.shell(
      """
      echo secret >../secret; mkdir inner
      ln -s ../secret up; ln -s /etc etc; ln -s .. parent; ln -s \(folder)/secret absolute
      """)
    for (method, body) in [("GET", nil), ("HEAD", nil), ("PUT", [UInt8(1)])] {
      let answer = try site.ask(method, "/files?path=\(path)", body: body)
      #expect(answer.status == 400, "\(method)")
      if method != "HEAD" { #expect(answer.error == .pathEscapesWorkspace, "\(method)") }
    }
    #expect(try site.ask("GET", "/files/list?path=\(path)").error == .pathEscapesWorkspace)
    #expect(try site.ask("PUT", "/files?path=\(path)/new", body: [1]).status == 400)
    #expect(site.harness.mode("../secret") != nil && access("/etc/passwd", F_OK) == 0)
    site.finish()
  }

  @Test func linksOfTheSandboxAreRemovedAndNotTheirTargets() throws {
    let site = try FileSite()
    site.shell("echo secret >../secret; ln -s ../secret up; ln -s .. parent")
    #expect(try site.ask("DELETE", "/files?path=up").status == 204)
    #expect(try site.ask("DELETE", "/files?path=parent/secret").status == 400)
    #expect(site.harness.mode("../secret") != nil)
    site.finish()
  }

  @Test func whatIsNoFileIsRefusedAndNotWaitedFor() throws {
    let site = try FileSite()
    mkfifo(site.harness.workspace + "/fifo", 0o600)
    site.shell("mkdir dir; python3 -c 'import socket; socket.socket(1).bind(\"socket\")'")
    for path in ["fifo", "dir", "socket", "/"] {
      #expect(try site.get(path).error == .fsError, "\(path)")
      #expect(try site.put(path, "x").error == .fsError, "\(path)")
    }
    #expect(try site.get("nothing").error == .notFound)
    #expect(try site.get("nothing/x").error == .notFound)
    site.finish()
  }

  @Test(arguments: [
    "/files", "/files?", "/files?p=x", "/files?path=a%00b", "/files?path=%FF",
    "/files?path=" + String(repeating: "x", count: 256),
    "/files?path=" + String(repeating: "x/", count: 2500),
  ])
  func pathThatIsNoneIsRefused(target: String) throws {
    let site = try FileSite()
    #expect(try site.ask("GET", target).error == .invalidPayload)
    #expect(try site.ask("PUT", target, body: [1]).error == .invalidPayload)
    #expect(try site.ask("POST", "/files?path=x", body: [1]).status == 405)
    #expect(try site.names().isEmpty)
    site.finish()
  }

  @Test func longestPathIsTakenEncoded() throws {
    let site = try FileSite()
    let name = String(repeating: "%C3%A4", count: 127) + "x"  // 255 bytes
    #expect(try site.put(name, "1").status == 201)
    #expect(try site.get(name).text == "1")
    let path = Array(repeating: name, count: 15).joined(separator: "/")
    #expect(try site.put("d/" + path, "1").status == 201)
    #expect(try site.get("d/" + path).text == "1")
    site.finish()
  }

  @Test func brokenUploadLeavesNothingBehind() throws {
    let site = try FileSite()
    _ = try site.put("x", "old")
    for target in ["/files?path=x", "/files?path=new/folder/y"] {
      let client = try site.connect()
      client.send(FileSite.head("PUT", target, ["Content-Length: 1000000"]))
      client.send([UInt8](repeating: 7, count: 300_000))
      site.harness.run { site.harness.sidecar.fileStreams.count == 1 }
      site.harness.run { site.isUnderWay }
      client.stream.close()
      site.harness.run { site.harness.sidecar.isIdle }
      #expect(try site.names() == ["x"])
    }
    #expect(try site.get("x").text == "old")
    site.finish()
  }

  @Test func malformedChunkLeavesNothingBehind() throws {
    let site = try FileSite()
    let client = try site.connect()
    client.send(
      FileSite.head("PUT", "/files?path=d/x", ["Transfer-Encoding: chunked"]) + "3\r\nabc\r\nZ\r\n")
    #expect(site.answer(of: client).status == 400)
    site.harness.run { site.harness.sidecar.isIdle }
    #expect(try site.names().isEmpty)
    site.finish()
  }

  /// /dev/full's errno, without its file: the limit of a file's size.
  @Test func fullDiskIsAnAnswerAndLeavesNothingBehind() throws {
    let site = try FileSite()
    var before = rlimit()
    signal(SIGXFSZ, SIG_IGN)
    getrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &before)
    var small = rlimit(rlim_cur: 64 << 20, rlim_max: before.rlim_max)
    setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &small)
    defer { setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &before) }
    let client = try site.connect()
    client.send(FileSite.head("PUT", "/files?path=d/x", ["Content-Length: \(65 << 20)"]))
    let piece = [UInt8](repeating: 0, count: 1 << 20)
    var sent = 0
    site.harness.run {
      if sent < 65, !client.stream.isCongested, !client.stream.isClosing {
        client.send(piece)
        sent += 1
      }
      return client.hasEnded || client.isClosed
    }
    let answer = site.answer(of: client)
    #expect(answer.status == 413 && answer.error == .tooLarge)
    site.harness.run { site.harness.sidecar.workers.outstanding == 0 }
    #expect(try site.names().isEmpty)
    site.finish()
  }

  @Test func readersSeeTheOldFileOrTheNew() throws {
    let site = try FileSite()
    _ = try site.put("x", String(repeating: "a", count: 100_000))
    let reader = try site.connect()
    reader.stream.pauseReading()
    reader.send(FileSite.head("GET", "/files?path=x", ["Connection: close"]))
    let writer = try site.connect()
    writer.send(
      FileSite.head("PUT", "/files?path=x", ["Connection: close", "Content-Length: 100000"])
        + String(repeating: "b", count: 50_000))
    site.harness.run { site.isUnderWay }
    #expect(try site.get("x").text == String(repeating: "a", count: 100_000))
    writer.send(String(repeating: "b", count: 50_000))
    #expect(site.answer(of: writer).status == 204)
    #expect(try site.get("x").text == String(repeating: "b", count: 100_000))
    reader.stream.resumeReading()
    #expect(Set(site.answer(of: reader).body).count == 1)
    site.finish()
  }

  @Test func fileThatShrinksEndsTheConnection() throws {
    let site = try FileSite()
    let size = 64 << 20
    site.shell("truncate -s \(size) x")
    let client = try site.connect()
    client.stream.pauseReading()
    client.send(FileSite.head("GET", "/files?path=x", []))
    site.harness.run { site.harness.sidecar.fileStreams.count == 1 }
    site.harness.run { site.harness.sidecar.workers.outstanding == 0 }
    truncate(site.harness.workspace + "/x", 1)
    client.stream.resumeReading()
    let answer = site.answer(of: client)
    #expect(answer["Content-Length"] == "\(size)" && answer.body.count < size)
    site.harness.run { site.harness.sidecar.fileStreams.count == 0 }
    site.finish()
  }

  /// A client that does not read holds little; the file is not read on.
  @Test func transfersAtOnceAreLimited() throws {
    let site = try FileSite { $0.fileStreamsAtOnce = 2 }
    site.shell("truncate -s 64M x")
    let slow = try (1...2).map { _ in try site.connect() }
    for client in slow {
      client.stream.pauseReading()
      client.send(FileSite.head("GET", "/files?path=x", []))
    }
    site.harness.run { site.harness.sidecar.fileStreams.count == 2 }
    let refused = try site.get("x")
    #expect(refused.status == 429 && refused.error == .limitReached)
    #expect(try site.put("y", "1").status == 429)
    #expect(try site.ask("GET", "/files/list?path=").status == 200)
    slow[0].stream.close()
    site.harness.run { site.harness.sidecar.fileStreams.count == 1 }
    #expect(try site.get("x", ["Range: bytes=0-9"]).status == 206)
    site.finish()
  }
}

extension FileSite {
  /// A file is being written, in the workspace or in the folder that it needs.
  var isUnderWay: Bool {
    let names = ((try? names()) ?? []) + ((try? names("new/folder")) ?? [])
    return names.contains { $0.hasPrefix(TemporaryName.prefix) }
  }
}
