import Glibc
import TestSupport
import Testing

@testable import XgenServer

@Suite struct SecretsTests {
  @Test func aSecretIsMadeOnceForItsOwnerAlone() throws {
    try withTemporaryDirectory { folder in
      let path = folder + "/secret"
      let first = try Secrets.load(path)
      #expect(Base64URL.decode(first)?.count == 32)
      #expect(try Secrets.load(path) == first)
      var info = stat()
      #expect(stat(path, &info) == 0 && info.st_mode & 0o7777 == 0o600)
      #expect(HostFiles.names(in: folder) == ["secret"])
      let other = try Secrets.load(folder + "/other")
      #expect(other != first)
    }
  }

  @Test func startsAtTheSameTimeAgree() async throws {
    let folder = HostFiles.temporary()
    defer { try? SandboxRemoval.removeTree(folder) }
    let secrets = try await withThrowingTaskGroup(of: String.self) { group in
      for _ in 0..<32 { group.addTask { try Secrets.load(folder + "/secret") } }
      return try await group.reduce(into: Set()) { $0.insert($1) }
    }
    #expect(secrets.count == 1 && secrets.first?.isEmpty == false)
    #expect(HostFiles.names(in: folder) == ["secret"])
  }

  @Test func anOperatorsOwnSecretIsItsFirstLine() throws {
    try withTemporaryDirectory { folder in
      LocalFixture.write(folder + "/secret", "mine\r\nand more\n")
      let secret = try Secrets.load(folder + "/secret")
      #expect(secret == "mine")
    }
  }

  @Test func whatIsNoSecretIsRefusedWithItsPath() throws {
    try withTemporaryDirectory { folder in
      LocalFixture.write(folder + "/empty", "")
      LocalFixture.write(folder + "/blank", "\nsecond\n")
      LocalFixture.write(folder + "/huge", String(repeating: "x", count: 64 * 1024 + 1))
      for name in ["empty", "blank", "huge", "no-folder/secret", "empty/secret"] {
        let path = folder + "/" + name
        let error = #expect(throws: SettingError.self) { try Secrets.load(path) }
        #expect(error?.name == path && error?.problem.isEmpty == false)
      }
    }
  }
}

extension HostFiles {
  /// A new, empty folder.
  static func temporary() -> String {
    var template = Array("/tmp/xgen-test-XXXXXX".utf8CString)
    return template.withUnsafeMutableBufferPointer { String(cString: mkdtemp($0.baseAddress!)) }
  }
}
