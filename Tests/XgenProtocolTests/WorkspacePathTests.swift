import Testing

@testable import XgenProtocol

@Suite struct WorkspacePathTests {
  @Test(arguments: [
    ("", ""), (".", ""), ("/", ""), ("//", ""), ("a", "a"), ("./a//b/./c/", "a/b/c"),
    ("/a/b", "a/b"), ("a/../b", "b"), ("a/b/../..", ""), ("...", "..."), ("..a/.b", "..a/.b"),
    ("/home/sandbox/workspace", ""), ("/home/sandbox/workspace/", ""),
    ("/home/sandbox/workspace/a", "a"), ("//home/./sandbox/workspace//a", "a"),
    ("/home/sandbox/workspace2/a", "home/sandbox/workspace2/a"),
    ("/home/sandbox", "home/sandbox"),
    ("home/sandbox/workspace/a", "home/sandbox/workspace/a"),
    ("/etc/passwd", "etc/passwd"), ("a b/ü", "a b/ü"), ("a\\..\\b", "a\\..\\b"),
    ("a/\u{301}x", "a/\u{301}x"),
  ])
  func pathsInsideAreMadeRelative(path: String, relative: String) throws {
    let resolved = try WorkspacePath.relative(path)
    #expect(Array(resolved.utf8) == Array(relative.utf8))
  }

  @Test(arguments: [
    "..", "../a", "/..", "a/../..", "a/../../a", "../workspace/a", "/../home/sandbox/workspace",
    "/home/sandbox/workspace/..", "/home/sandbox/workspace/../workspace/a", "./..", "a/./../../b",
  ])
  func pathsThatLeaveAreRefused(path: String) {
    #expect(throws: ProtocolError.pathEscapesWorkspace) { try WorkspacePath.relative(path) }
  }

  @Test func lengthsAreLinuxs() throws {
    let component = String(repeating: "x", count: 255)
    #expect(try WorkspacePath.relative(component) == component)
    #expect(throws: ProtocolError.invalidField("path", .tooLong)) {
      try WorkspacePath.relative("a/" + component + "x")
    }
    let longest = String(repeating: "ab/", count: 1365) + "a"
    #expect(try WorkspacePath.relative(longest) == longest)
    #expect(throws: ProtocolError.invalidField("path", .tooLong)) {
      try WorkspacePath.relative(longest + "/")
    }
  }

  @Test func lengthIsOfBytesNotOfCharacters() {
    #expect(throws: ProtocolError.invalidField("path", .tooLong)) {
      try WorkspacePath.relative(String(repeating: "ü", count: 128))
    }
  }

  @Test func nulIsRefusedByTheFieldsName() {
    #expect(throws: ProtocolError.invalidField("cwd", .containsNUL)) {
      try WorkspacePath.relative("a\0b", field: "cwd")
    }
  }
}
