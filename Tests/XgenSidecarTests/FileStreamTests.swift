import Glibc
import Reactor
import TestSupport
import Testing
import XgenProtocol

@testable import XgenSidecar

/// `/files` over a real socket: what is read and written.
@Suite struct FileStreamTests {
  @Test func roundTripOfManyPieces() throws {
    let site = try FileSite()
    var random = SplitMix64(seed: 1)
    let content = random.bytes(3 * SidecarLimits.filePieceBytes + 5)
    let made = try site.ask("PUT", "/files?path=a/b/c.bin", body: content)
    #expect(made.status == 201 && made.body.isEmpty)
    #expect(site.harness.mode("a/b/c.bin") == 0o644)
    for path in ["a/b/c.bin", "/a/b/../b/c.bin", "/home/sandbox/workspace/a/b/c.bin"] {
      let got = try site.get(path)
      #expect(got.status == 200 && got.body == content)
      #expect(got["ETag"] == made["ETag"] && got["ETag"] != nil)
      #expect(got["Content-Length"] == "\(content.count)" && got["Last-Modified"] != nil)
    }
    let head = try site.ask("HEAD", "/files?path=a/b/c.bin")
    #expect(head.status == 200 && head["Content-Length"] == "\(content.count)" && head.body == [])
    site.finish()
  }

  @Test func replacesAndKeepsMode() throws {
    let site = try FileSite()
    #expect(try site.ask("PUT", "/files?path=x&mode=0750", body: [1]).status == 201)
    #expect(site.harness.mode("x") == 0o750)
    let replaced = try site.put("x", "new")
    #expect(replaced.status == 204 && site.harness.mode("x") == 0o750)
    #expect(try site.get("x").text == "new")
    for mode in ["", "8", "10000", "777x", "000777", "-1", "0o7"] {
      let answer = try site.ask("PUT", "/files?path=x&mode=\(mode)", body: [1])
      #expect(answer.status == 400 && answer.error == .invalidPayload, "\(mode)")
    }
    #expect(try site.names() == ["x"])
    site.finish()
  }

  @Test func chunkedBodyIsTakenAndEmptyFilesToo() throws {
    let site = try FileSite()
    let client = try site.connect()
    client.send(
      FileSite.head("PUT", "/files?path=x", ["Connection: close", "Transfer-Encoding: chunked"])
        + "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
    #expect(site.answer(of: client).status == 201)
    #expect(try site.get("x").text == "abcde")
    #expect(try site.put("empty", "").status == 201)
    let empty = try site.get("empty")
    #expect(empty.status == 200 && empty["Content-Length"] == "0")
    #expect(try site.get("empty", ["Range: bytes=0-"]).status == 416)
    site.finish()
  }

  @Test func rangesAreParts() throws {
    let site = try FileSite()
    _ = try site.put("x", "0123456789")
    for (range, text, told) in [
      ("0-0", "0", "0-0"), ("3-5", "345", "3-5"), ("7-", "789", "7-9"), ("-2", "89", "8-9"),
      ("5-100", "56789", "5-9"), ("-100", "0123456789", "0-9"),
    ] {
      let answer = try site.get("x", ["Range: bytes=\(range)"])
      #expect(answer.status == 206 && answer.text == text, "\(range)")
      #expect(answer["Content-Range"] == "bytes \(told)/10")
    }
    for range in ["bytes=10-", "bytes=-0", "bytes=99999999999999999999-"] {
      let answer = try site.get("x", ["Range: \(range)"])
      #expect(answer.status == 416 && answer["Content-Range"] == "bytes */10", "\(range)")
    }
    for range in ["bytes=1-2,4-5", "bytes=5-4", "lines=1-2", "bytes=x"] {
      #expect(try site.get("x", ["Range: \(range)"]).status == 200, "\(range)")
    }
    site.finish()
  }

  @Test func tagsDecideWhatIsDone() throws {
    let site = try FileSite()
    let old = try #require(try site.put("x", "old")["ETag"])
    #expect(try site.get("x", ["If-None-Match: \(old)"]).status == 304)
    #expect(try site.get("x", ["If-Match: \"other\""]).status == 412)
    #expect(try site.put("x", "new", ["If-None-Match: *"]).status == 412)
    #expect(try site.put("y", "new", ["If-Match: *"]).status == 412)
    let new = try #require(try site.put("x", "newer", ["If-Match: \(old)"])["ETag"])
    #expect(new != old)
    #expect(try site.put("x", "late", ["If-Match: \(old)"]).status == 412)
    #expect(try site.get("x", ["If-None-Match: \(old)"]).text == "newer")
    #expect(try site.get("x", ["Range: bytes=1-", "If-Range: \(new)"]).status == 206)
    #expect(try site.get("x", ["Range: bytes=1-", "If-Range: \(old)"]).status == 200)
    #expect(try site.get("x", ["If-Match: nonsense"]).status == 400)
    #expect(try site.ask("DELETE", "/files?path=x", ["If-Match: \(old)"]).status == 412)
    #expect(try site.ask("DELETE", "/files?path=x", ["If-Match: \(new)"]).status == 204)
    #expect(try site.put("new/x", "1", ["If-None-Match: *"]).status == 201)
    #expect(try site.names() == ["new"])
    site.finish()
  }

  /// Two that both want to make the file: the one that is whole first does.
  @Test func whatComesMeanwhileIsNotReplacedUnasked() throws {
    let site = try FileSite()
    let slow = try site.connect()
    slow.send(
      FileSite.head(
        "PUT", "/files?path=x", ["Connection: close", "Content-Length: 4", "If-None-Match: *"])
        + "sl")
    site.harness.run { (try? site.names())?.isEmpty == false }
    #expect(try site.put("x", "fast", ["If-None-Match: *"]).status == 201)
    slow.send("ow")
    #expect(site.answer(of: slow).status == 412)
    #expect(try site.get("x").text == "fast" && site.names() == ["x"])
    site.finish()
  }

  @Test func removesFilesAndWithRecursiveTrees() throws {
    let site = try FileSite()
    _ = try site.put("tree/deep/x", "1")
    _ = try site.put("plain", "1")
    #expect(try site.ask("DELETE", "/files?path=plain").status == 204)
    #expect(try site.ask("DELETE", "/files?path=plain").status == 404)
    let refused = try site.ask("DELETE", "/files?path=tree")
    #expect(refused.status == 400 && refused.error == .fsError)
    #expect(try site.ask("DELETE", "/files?path=tree&recursive=yes").status == 400)
    #expect(try site.ask("DELETE", "/files?path=tree&recursive=true").status == 204)
    #expect(try site.ask("DELETE", "/files?path=/&recursive=true").status == 400)
    #expect(try site.names().isEmpty)
    site.finish()
  }

  @Test func listSaysWhenItIsCut() throws {
    let site = try FileSite { $0.listedEntries = 3 }
    _ = try site.put("b", "12")
    _ = try site.put("a/x", "1")
    _ = try site.put("%C3%A4%20%22", "1")
    let whole = try site.ask("GET", "/files/list?path=")
    #expect(whole.status == 200 && whole["X-Xgen-Truncated"] == nil)
    let entries = try whole.body.withUnsafeBytes { try FsListReply.decode($0) }.entries
    #expect(entries.map(\.name) == ["a", "b", "ä \""])
    #expect(entries[0].isDirectory && entries[1].size == 2)
    _ = try site.put("c", "1")
    let cut = try site.ask("GET", "/files/list?path=/")
    #expect(cut["X-Xgen-Truncated"] == "true")
    #expect(try cut.body.withUnsafeBytes { try FsListReply.decode($0) }.entries.count == 3)
    #expect(try site.ask("GET", "/files/list?path=b").status == 400)
    #expect(try site.ask("GET", "/files/list?path=nothing").status == 404)
    site.finish()
  }
}
