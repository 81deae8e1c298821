import Glibc
import Reactor
import ServerTestSupport
import TestSupport
import Testing
import XgenProtocol

@testable import XgenServer

/// A sidecar that lies about files: nothing of what it says reaches a client unchecked.
@Suite struct LyingSidecarFileTests {
  private static let good = "HTTP/1.1 200 OK\r\nETag: \"a-1\"\r\nContent-Length: 3\r\n"

  /// Asks for a file while the sidecar answers so.
  private static func get(
    _ answer: String, _ fields: [(String, String)] = [], method: HTTPMethod = .get,
    path: String = "x",
    check: @escaping @Sendable @LoopActor (_ answer: APIClient.Answer, _ status: String) -> Void
  ) async throws {
    try await LyingSidecar.with { sidecar in
      sidecar.onRequest = { request in
        request.send(answer)
        request.connection.stream.endWriting()
      }
      let id = try await sidecar.client.create()
      let told = try await sidecar.client.send(
        method, "/api/v1/sandboxes/\(id)/files?path=\(path)", "",
        fields.compactMap { HTTPField($0.0, $0.1) })
      check(told, try await sidecar.client.status(id))
      #expect(sidecar.deployment.server.sidecars.fileTransfers == 0)
      #expect(try sidecar.deployment.sandbox(id).fileTransfers == 0)
      #expect(try await sidecar.client.send(.get, "/healthz").status == 200)
    }
  }

  @Test func noHeaderOfItsIsPassedOn() async throws {
    let lies = """
      Content-Type: text/html\r\nSet-Cookie: a=b\r\nContent-Disposition: inline\r
      Access-Control-Allow-Origin: *\r\nLocation: http://evil/\r\nX-Request-Id: mine\r
      Content-Security-Policy: default-src *\r\nCache-Control: public\r\nLast-Modified: x\r\n
      """
    try await Self.get(Self.good + lies + "\r\n<p>", path: "d/%22%0Ap%22.html") { answer, status in
      #expect(answer.status == 200 && answer.text == "<p>" && status == "running")
      let names = answer.fields.map { $0.name.lowercased() }.sorted()
      #expect(
        names == [
          "accept-ranges", "cache-control", "connection", "content-disposition", "content-length",
          "content-security-policy", "content-type", "date", "etag", "x-content-type-options",
          "x-request-id",
        ])
      #expect(answer.fields["content-type"] == "application/octet-stream")
      #expect(
        answer.fields["content-disposition"] == "attachment; filename*=UTF-8''%22%0Ap%22.html")
      #expect(answer.fields["x-content-type-options"] == "nosniff")
      #expect(answer.fields["content-security-policy"] == "sandbox")
      #expect(answer.fields["cache-control"] == "private, no-cache")
      #expect(answer.fields["etag"] == "\"a-1\"" && answer.fields["x-request-id"] != "mine")
    }
  }

  static let nonsense: [(name: String, answer: String, fields: [(String, String)])] = [
    ("no tag", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", []),
    ("a weak tag", "HTTP/1.1 200 OK\r\nETag: W/\"a\"\r\nContent-Length: 0\r\n\r\n", []),
    ("two tags", "HTTP/1.1 200 OK\r\nETag: \"a\"\r\nETag: \"b\"\r\nContent-Length: 0\r\n\r\n", []),
    ("an odd tag", "HTTP/1.1 200 OK\r\nETag: \"<script>\"\r\nContent-Length: 0\r\n\r\n", []),
    ("no length", "HTTP/1.1 200 OK\r\nETag: \"a\"\r\n\r\nabc", []),
    ("chunks", "HTTP/1.1 200 OK\r\nETag: \"a\"\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", []),
    ("a part unasked", part("0-0/3", 1), []),
    ("another part", part("1-1/3", 1), [("Range", "bytes=0-0")]),
    ("a part's wrong length", part("0-1/3", 1), [("Range", "bytes=0-1")]),
    ("a part beyond the end", part("0-3/3", 4), [("Range", "bytes=0-9")]),
    ("a part of nothing", part("*/3", 0), [("Range", "bytes=0-9")]),
    ("unchanged unasked", "HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\n\r\n", []),
    (
      "unchanged with another tag", "HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\n\r\n",
      [("If-None-Match", "\"b\"")]
    ),
    ("failed unasked", "HTTP/1.1 412 No\r\nContent-Length: 0\r\n\r\n", []),
    (
      "no such range unasked",
      "HTTP/1.1 416 No\r\nContent-Range: bytes */1\r\nContent-Length: 0\r\n\r\n", []
    ),
    (
      "no such range, which is there",
      "HTTP/1.1 416 No\r\nContent-Range: bytes */9\r\nContent-Length: 0\r\n\r\n",
      [("Range", "bytes=0-0")]
    ),
    ("a redirect", "HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n", []),
    ("a refusal without a reason", "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}", []),
    ("an empty 204", "HTTP/1.1 204 No Content\r\n\r\n", []),
  ]

  private static func part(_ range: String, _ length: Int) -> String {
    "HTTP/1.1 206 Partial\r\nETag: \"a\"\r\nContent-Range: bytes \(range)\r\n"
      + "Content-Length: \(length)\r\n\r\n" + String(repeating: "x", count: length)
  }

  @Test(arguments: nonsense)
  func nonsenseIsUnreachable(
    name: String, answer: String, fields: [(String, String)]
  ) async throws {
    try await Self.get(answer, fields) { answer, status in
      #expect(answer.status == 502 && answer["code"] == "SANDBOX_UNREACHABLE", "\(name)")
      #expect(status == "error", "\(name)")
    }
  }

  @Test func headWithoutALengthIsUnreachable() async throws {
    let answer = "HTTP/1.1 200 OK\r\nETag: \"a\"\r\n\r\n"
    try await Self.get(answer, method: .head) { answer, status in
      #expect(answer.status == 502 && status == "error")
    }
    try await Self.get(Self.good + "\r\n", method: .head) { answer, status in
      #expect(answer.status == 200 && answer.fields["content-length"] == "3" && answer.body == [])
      #expect(status == "running")
    }
  }

  @Test func refusalsAreToldInTheAPIsShape() async throws {
    for (code, status, expected) in [
      (ErrorCode.notFound, 404, "NOT_FOUND"), (.pathEscapesWorkspace, 400, "INVALID_PARAMETER"),
      (.fsError, 400, "INVALID_REQUEST"), (.tooLarge, 413, "PAYLOAD_TOO_LARGE"),
      (.limitReached, 429, "QUOTA_EXCEEDED"),
    ] {
      try await LyingSidecar.with { sidecar in
        sidecar.onRequest = { request in
          let body = ErrorPayload(code: code, message: "<b>").encode()
          request.send("HTTP/1.1 \(status) X\r\nContent-Length: \(body.count)\r\n\r\n")
          request.connection.send(body)
        }
        let id = try await sidecar.client.create()
        let path = "/api/v1/sandboxes/\(id)/files?path=x"
        for method in [HTTPMethod.get, .put, .delete] {
          let answer = try await sidecar.client.send(method, path)
          #expect(answer.status == status && answer["code"] == expected, "\(code)")
          #expect(answer.fields["content-type"] == "application/json")
        }
        #expect(try await sidecar.client.status(id) == "running")
      }
    }
  }

  @Test func oneThatHangsOrBreaksOffBeforeTheHeadIsUnreachable() async throws {
    var timeouts = SidecarTimeouts()
    timeouts.answerMs = 50
    try await LyingSidecar.with(timeouts: timeouts) { sidecar in
      let id = try await sidecar.client.create()
      let path = "/api/v1/sandboxes/\(id)/files"
      for broken in [false, true] {
        if broken { sidecar.onRequest = { $0.connection.stream.close() } }
        #expect(try await sidecar.client.send(.get, path + "?path=x").status == 502)
        #expect(try await sidecar.client.send(.put, path + "?path=x", "abc").status == 502)
        #expect(try await sidecar.client.send(.get, path + "/list?path=").status == 502)
      }
      #expect(try await sidecar.client.status(id) == "running")
      #expect(try sidecar.deployment.sandbox(id).fileTransfers == 0)
    }
  }

  @Test(arguments: [false, true])
  func oneThatStopsInTheBodyEndsTheConnection(hangs: Bool) async throws {
    var timeouts = SidecarTimeouts()
    timeouts.fileStallMs = 50
    try await LyingSidecar.with(timeouts: timeouts) { sidecar in
      sidecar.onRequest = { request in
        request.send(Self.good + "\r\nab")
        if !hangs { request.connection.stream.endWriting() }
      }
      let id = try await sidecar.client.create()
      await #expect(throws: HTTPClientError.self) {
        try await sidecar.client.send(.get, "/api/v1/sandboxes/\(id)/files?path=x")
      }
      try await eventually("the transfer is over") {
        try sidecar.deployment.sandbox(id).fileTransfers == 0
      }
    }
  }

  @Test func aMadeFileIsNotBelievedBeforeItIsSent() async throws {
    try await LyingSidecar.with { sidecar in
      sidecar.onRequest = {
        $0.send("HTTP/1.1 201 Created\r\nETag: \"a\"\r\nContent-Length: 0\r\n\r\n")
      }
      let id = try await sidecar.client.create()
      let client = StreamProbe(
        try SocketStream.connect(loop: LoopActor.loop, to: sidecar.deployment.address))
      client.send(Self.head(.put, id, "Content-Length: 10") + "abc")
      try await eventually("it is answered") { client.text.contains("\r\n\r\n") }
      #expect(client.text.hasPrefix("HTTP/1.1 502 "))
      client.stream.close()
    }
  }

  @LoopActor
  private static func head(_ method: HTTPMethod, _ id: String, _ field: String = "X: y") -> String {
    "\(method.name) /api/v1/sandboxes/\(id)/files?path=x HTTP/1.1\r\nHost: x\r\n\(field)\r\n"
      + "Authorization: ApiKey \(Deployment.adminKey)\r\n\r\n"
  }

  @Test func aClientThatGoesAwayEndsTheTransfer() async throws {
    try await LyingSidecar.with { sidecar in
      var connection: StreamProbe?
      sidecar.onRequest = { request in
        connection = request.connection
        if request.head.method == .get {
          request.send("HTTP/1.1 200 OK\r\nETag: \"a-1\"\r\nContent-Length: 1000000\r\n\r\nab")
        }
      }
      let id = try await sidecar.client.create()
      for text in [Self.head(.get, id), Self.head(.put, id, "Content-Length: 10") + "abc"] {
        connection = nil
        let client = StreamProbe(
          try SocketStream.connect(loop: LoopActor.loop, to: sidecar.deployment.address))
        client.send(text)
        let upstream = try await eventualValue("the sidecar is asked") { connection }
        try await eventually("it is under way") {
          try sidecar.deployment.sandbox(id).fileTransfers == 1
        }
        client.stream.close()
        try await eventually("the sidecar's connection ends") {
          // A client that only ended its direction may still read: a write shows that it is gone.
          if text.hasPrefix("GET") { upstream.send("more") }
          return upstream.hasEnded || upstream.isClosed
        }
        try await eventually("the transfer is over") {
          try sidecar.deployment.sandbox(id).fileTransfers == 0
        }
      }
      #expect(try await sidecar.client.status(id) == "running")
    }
  }

  @Test func whatAClientDoesNotTakeIsNotRead() async throws {
    try await LyingSidecar.with { sidecar in
      var connection: StreamProbe?
      sidecar.onRequest = { request in
        request.send("HTTP/1.1 200 OK\r\nETag: \"a-1\"\r\nContent-Length: 67108864\r\n\r\n")
        connection = request.connection
      }
      let id = try await sidecar.client.create()
      let client = StreamProbe(
        try SocketStream.connect(loop: LoopActor.loop, to: sidecar.deployment.address))
      client.stream.pauseReading()
      client.send(Self.head(.get, id))
      let upstream = try await eventualValue("the sidecar is asked") { connection }
      let piece = [UInt8](repeating: 5, count: 1 << 20)
      var sent = 0
      var still = 0
      try await eventually("the flood is stopped") {
        if upstream.stream.isCongested {
          still += 1
          return still == 100
        }
        still = 0
        upstream.send(piece)
        sent += piece.count
        return sent >= 64 << 20
      }
      #expect(sent < 32 << 20)
      client.stream.resumeReading()
      try await eventually("it goes on") { !upstream.stream.isCongested }
      client.stream.close()
      upstream.stream.close()
    }
  }

  static let listings: [(name: String, entries: [FsEntry])] = [
    ("a path", [entry("a/b")]), ("no name", [entry("")]), ("a NUL", [entry("a\0")]),
    ("the parent", [entry("..")]), ("a long name", [entry(String(repeating: "x", count: 766))]),
    (
      "a size out of range",
      [FsEntry(name: "x", size: 1 << 63, isDirectory: false, modifiedAt: 0)]
    ),
  ]

  private static func entry(_ name: String) -> FsEntry {
    FsEntry(name: name, size: 1, isDirectory: false, modifiedAt: 1)
  }

  @Test(arguments: listings)
  func listingsThatCantBeAreUnreachable(name: String, entries: [FsEntry]) async throws {
    try await Self.list(entries, name)
  }

  @Test func aListingOverTheLimitIsUnreachable() async throws {
    try await Self.list((0...WireLimits.maxListedEntries).map { Self.entry("\($0)") }, "too many")
  }

  private static func list(_ entries: [FsEntry], _ name: String) async throws {
    try await LyingSidecar.with { sidecar in
      sidecar.onRequest = { request in
        let body = FsListReply(entries: entries).encode()
        request.send("HTTP/1.1 200 OK\r\nContent-Length: \(body.count)\r\n\r\n")
        request.connection.send(body)
      }
      let id = try await sidecar.client.create()
      let answer = try await sidecar.client.send(
        .get, "/api/v1/sandboxes/\(id)/files/list?path=")
      #expect(answer.status == 502, "\(name)")
      #expect(try await sidecar.client.status(id) == "error", "\(name)")
    }
  }
}
