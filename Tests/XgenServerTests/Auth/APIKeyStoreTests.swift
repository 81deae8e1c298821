import Testing

@testable import XgenServer

/// SHA-256 of "key-of-ci" and "key-of-viewer", from Python's hashlib.
private let digestOfCI = "e9c893f01a06c7a7a151f3217c9f51b0992615a91e173540357ee7a77b934cbd"
private let digestOfViewer = "8caead4f5ec94805ff1f6d411af6407820a671437f1e7838c1a3357ff4f9001e"

private func keyEntry(
  name: String = "ci", digest: String = digestOfCI, role: String = "user", more: String = ""
) -> String {
  #"{"name":"\#(name)","key_sha256":"\#(digest)","role":"\#(role)"\#(more)}"#
}

@Suite struct APIKeyStoreTests {
  private func store(_ entries: String..., adminKey: String? = nil) throws -> APIKeyStore {
    try APIKeyStore(file: Array("[\(entries.joined(separator: ","))]".utf8), adminKey: adminKey)
  }

  @Test func rolesHaveThePermissionsOfTheReference() {
    #expect(Role.admin.permissions == Set(Permission.allCases))
    #expect(
      Role.user.permissions
        == [
          .sandboxCreate, .sandboxRead, .sandboxWrite, .sandboxExec, .sandboxFiles, .sandboxDelete,
        ])
    #expect(Role.viewer.permissions == [.sandboxRead])
    #expect(Role.viewer < .user && Role.user < .admin)
  }

  @Test func findsTheOwnerOfAKey() throws {
    let store = try store(
      keyEntry(), keyEntry(name: "eyes", digest: digestOfViewer.uppercased(), role: "viewer"),
      adminKey: "root-key")
    #expect(store.authenticate(key: "key-of-ci") == Principal(name: "ci", role: .user))
    #expect(store.authenticate(key: "key-of-viewer") == Principal(name: "eyes", role: .viewer))
    #expect(store.authenticate(key: "root-key") == Principal(name: "admin", role: .admin))
    for key in [
      "", "key-of-c", "key-of-ci ", "ci", digestOfCI, String(repeating: "a", count: 9999),
    ] {
      #expect(store.authenticate(key: key) == nil)
    }
    #expect(store.principal(named: "eyes")?.permissions == [.sandboxRead])
    #expect(store.principal(named: "gone") == nil)
  }

  @Test func anEmptyStoreKnowsNobody() throws {
    #expect(try APIKeyStore().isEmpty)
    #expect(try APIKeyStore().authenticate(key: "") == nil)
    #expect(try store().isEmpty)
  }

  @Test func keepsLimitsAndNarrowsPermissions() throws {
    let store = try store(
      keyEntry(
        more:
          #","permissions":["sandbox:read","admin:read"],"rate_limit":0,"max_sandboxes":7,"x":[]"#))
    let found = try #require(store.entry(named: "ci"))
    #expect(found.rateLimit == 0)
    #expect(found.maxSandboxes == 7)
    #expect(found.principal.permissions == [.sandboxRead])
    #expect(try self.store(keyEntry()).entry(named: "ci")?.rateLimit == nil)
  }

  @Test(arguments: [
    (
      keyEntry(role: "root"),
      "API keys, entry 1 ('ci'): field 'role': must be admin, user or viewer"
    ),
    (
      keyEntry(name: ""),
      "API keys, entry 1: field 'name': must be 1 to 128 printable ASCII characters"
    ),
    (
      keyEntry(name: #"a\n"#),
      "API keys, entry 1: field 'name': must be 1 to 128 printable ASCII characters"
    ),
    (
      keyEntry(digest: "12"),
      "API keys, entry 1 ('ci'): field 'key_sha256': must be 64 hexadecimal digits"
    ),
    (
      keyEntry(digest: digestOfCI.dropLast() + "g"),
      "API keys, entry 1 ('ci'): field 'key_sha256': must be 64 hexadecimal digits"
    ),
    (#"{"name":"ci","role":"user"}"#, "API keys, entry 1 ('ci'): field 'key_sha256': is required"),
    (#"{"role":"user"}"#, "API keys, entry 1: field 'name': is required"),
    (#"{"name":1}"#, "API keys, entry 1: field 'name': must be a string"),
    ("7", "API keys, entry 1: must be an object"),
    (
      keyEntry(more: #","rate_limit":-1"#),
      "API keys, entry 1 ('ci'): field 'rate_limit': must be between 0 and 1000000000"
    ),
    (
      keyEntry(more: #","max_sandboxes":"9""#),
      "API keys, entry 1 ('ci'): field 'max_sandboxes': must be an integer"
    ),
    (
      keyEntry(more: #","permissions":["sandbox:fly"]"#),
      "API keys, entry 1 ('ci'): field 'permissions': must be some of sandbox:create, "
        + "sandbox:read, sandbox:write, sandbox:exec, sandbox:files, sandbox:delete, admin:read"
    ),
    (
      keyEntry() + "," + keyEntry(digest: digestOfViewer),
      "API keys, entry 2 ('ci'): field 'name': is taken by another key"
    ),
    (
      keyEntry() + "," + keyEntry(name: "twin"),
      "API keys, entry 2 ('twin'): field 'key_sha256': is that of 'ci'"
    ),
    ("1,", "API keys: unexpected character in JSON at byte 3"),
  ])
  func namesTheEntryAndTheFieldThatIsWrong(entries: String, message: String) {
    let error = #expect(throws: APIKeyError.self) { try store(entries) }
    #expect(error?.description == message)
  }

  @Test func refusesAFileThatIsNoArray() {
    let error = #expect(throws: APIKeyError.self) { try APIKeyStore(file: Array("{}".utf8)) }
    #expect(error?.description == "API keys: must be a JSON array")
  }

  @Test func theAdminKeyMustBeUsableAndItsNameFree() {
    for key in ["", "a b", "é", "a\n"] {
      #expect(throws: APIKeyError.self) { try APIKeyStore(adminKey: key) }
    }
    #expect(throws: APIKeyError.self) { try store(keyEntry(name: "admin"), adminKey: "k") }
    #expect(throws: APIKeyError.self) { try store(keyEntry(), adminKey: "key-of-ci") }
  }

  @Test func refusesMoreEntriesThanItsLimit() {
    let entries = Array(repeating: "0", count: APIKeyFile.maxEntries + 1).joined(separator: ",")
    let error = #expect(throws: APIKeyError.self) { try store(entries) }
    #expect(error?.problem == "more than 10000 entries")
  }
}
