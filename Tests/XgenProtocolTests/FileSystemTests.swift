import Testing

@testable import XgenProtocol

@Suite struct FileSystemTests {
  @Test func writeBorrowsItsContent() throws {
    let sample = Sample.write(path: "a", [1, 2, 3], mode: 0o755)
    try withExactBytes(sample.bytes) { payload in
      let write = try FsWrite.decode(payload)
      #expect(write.path == "a" && write.mode == 0o755)
      #expect(Array(write.content) == [1, 2, 3])
      let base = try #require(payload.baseAddress)
      let content = try #require(write.content.baseAddress)
      #expect(content > base && content + 3 <= base + payload.count)
    }
  }

  @Test(
    arguments: [
      .binary([0x68, 0x69]), .text("hi"),
    ] as [Value])
  func contentIsReadFromBinAndFromStr(content: Value) throws {
    let value: Value = ["path": "a", "content": content]
    try withExactBytes(value.bytes) {
      let write = try FsWrite.decode($0)
      #expect(Array(write.content) == [0x68, 0x69])
      #expect(write.mode == nil)
    }
  }

  @Test func nilContentIsAnEmptyFileButAbsentContentIsAnError() throws {
    try withExactBytes((["path": "a", "content": .none] as Value).bytes) {
      let write = try FsWrite.decode($0)
      #expect(write.content.isEmpty)
    }
    #expect(throws: ProtocolError.missingField("content")) {
      try withExactBytes((["path": "a"] as Value).bytes) { _ = try FsWrite.decode($0) }
    }
  }

  @Test(arguments: [(0o7777, true), (0, true), (0o10000, false), (-1, false)] as [(Int64, Bool)])
  func modeIsPermissionBits(mode: Int64, isValid: Bool) {
    let value: Value = ["path": "a", "content": .binary([]), "mode": .int(mode)]
    let decoded = withExactBytes(value.bytes) { bytes in try? FsWrite.decode(bytes).mode }
    #expect(decoded == (isValid ? UInt32(mode) : nil))
  }

  @Test func pathsWithNULAreRefused() {
    let bytes = (["path": "a\0", "content": .binary([]), "type": "created"] as Value).bytes
    let types: [any WirePayload.Type] = [
      FsRead.self, FsWrite.self, FsList.self, FsRemove.self, FsWatch.self, FsEvent.self,
    ]
    for type in types {
      #expect(throws: ProtocolError.invalidField("path", .containsNUL)) {
        try withExactBytes(bytes) { _ = try type.decode($0) }
      }
    }
  }

  @Test func listIsWrittenInBothSpellings() {
    let entry = FsEntry(name: "src", size: 10, isDirectory: true, modifiedAt: 99)
    let value: Value = [
      [
        "name": "src", "size": 10, "isDir": true, "is_dir": true, "modTime": 99, "mod_time": 99,
      ]
    ]
    #expect(FsListReply(entries: [entry]).encode() == value.bytes)
  }

  @Test func listIsReadFromEitherSpelling() throws {
    let snake: Value = [["name": "a", "size": 1, "is_dir": false, "mod_time": 2]]
    let camel: Value = [["name": "a", "size": 1, "isDir": false, "modTime": .float(2)]]
    let entry = FsEntry(name: "a", size: 1, isDirectory: false, modifiedAt: 2)
    #expect(try decode(snake.bytes) == FsListReply(entries: [entry]))
    #expect(try decode(camel.bytes) == FsListReply(entries: [entry]))
    #expect(throws: ProtocolError.missingField("is_dir")) {
      try decode(FsListReply.self, ([["name": "a", "size": 1]] as Value).bytes)
    }
  }

  @Test func emptyDirectoryIsAnEmptyArray() throws {
    #expect(FsListReply(entries: []).encode() == [0x90])
    #expect(try decode([0x90]) == FsListReply(entries: []))
  }

  @Test func removeIsNotRecursiveUnlessItSaysSo() throws {
    #expect(try decode((["path": "a"] as Value).bytes) == FsRemove(path: "a"))
    let value: Value = ["path": "a", "recursive": true]
    #expect(try decode(value.bytes) == FsRemove(path: "a", recursive: true))
  }

  @Test func watchTakesUnwatchOrNot() throws {
    #expect(try decode((["path": "."] as Value).bytes) == FsWatch(path: "."))
    let value: Value = ["path": ".", "unwatch": true]
    #expect(try decode(value.bytes) == FsWatch(path: ".", unwatch: true))
  }

  @Test func eventsAreCreatedModifiedOrDeleted() throws {
    #expect(FsEvent.Change.allCases.map(\.rawValue) == ["created", "modified", "deleted"])
    #expect(throws: ProtocolError.invalidField("type", .unrecognized)) {
      try decode(FsEvent.self, (["path": "a", "type": "renamed"] as Value).bytes)
    }
  }
}

@Suite struct ControlTests {
  @Test func errorCodesAreThoseOfTheSpecification() {
    #expect(
      ErrorCode.allCases.map(\.rawValue) == [
        "invalid_payload", "unknown_message", "unknown_process", "channel_in_use",
        "exec_failed", "fs_error", "not_found", "too_large", "path_escapes_workspace",
        "watch_error", "limit_reached", "detached",
      ])
  }

  @Test func errorOfUnknownCodeIsStillRead() throws {
    let error: ErrorPayload = try decode((["code": "new", "message": "m"] as Value).bytes)
    #expect(error == ErrorPayload(rawCode: "new", message: "m"))
    #expect(error.knownCode == nil)
    #expect(ErrorPayload(code: .detached, message: "").knownCode == .detached)
  }

  @Test func protocolErrorsAnswerWithTheirCodeAndField() {
    let missing = ProtocolError.missingField("path").payload
    #expect(missing == ErrorPayload(code: .invalidPayload, message: "missing field: path"))
    #expect(ProtocolError.pathEscapesWorkspace.payload.code == "path_escapes_workspace")
  }

  @Test(arguments: [(0, false), (1, true), (65_535, true), (65_536, false)] as [(Int64, Bool)])
  func portsAre1To65535(port: Int64, isValid: Bool) {
    let bytes = (["port": .int(port)] as Value).bytes
    #expect(
      (try? decode(PortOpen.self, bytes))
        == (isValid ? PortOpen(port: UInt16(clamping: port)) : nil))
    #expect(
      (try? decode(PortClose.self, bytes))
        == (isValid ? PortClose(port: UInt16(clamping: port)) : nil))
  }

  @Test func statsTakeAnIntegralPercentage() throws {
    let value: Value = ["cpu_percent": 5, "memory_bytes": 6, "disk_used_bytes": 7]
    let stats = SandboxStats(cpuPercent: 5, memoryBytes: 6, diskUsedBytes: 7)
    #expect(try decode(value.bytes) == stats)
  }
}
