/// The API keys that are valid now. A reload builds a new store.
struct APIKeyStore: Sendable {
  /// One key, of which only the hash is known.
  struct Entry: Equatable, Sendable {
    let principal: Principal
    /// SHA-256 of the key's bytes. Keys are random and long, so that no slow hash is needed.
    let keyDigest: [UInt8]
    /// Requests per minute instead of the server's own limit; 0 is none.
    let rateLimit: Int?
    /// Sandboxes alive at once instead of the server's own limit.
    let maxSandboxes: Int?
  }

  /// The name of the one key that the settings give without a file.
  static let adminName = "admin"

  private var entries: [Entry] = []
  private var positions: [String: Int] = [:]
  private var digests: Set<[UInt8]> = []

  /// The keys of a file (see `APIKeyFile`) and the single admin key; both may be absent.
  init(file: [UInt8]? = nil, adminKey: String? = nil) throws(APIKeyError) {
    var owners: [[UInt8]: String] = [:]
    if let file {
      for (index, entry) in try APIKeyFile.entries(file).enumerated() {
        try add(entry, label: APIKeyFile.label(index, entry.principal.name), &owners)
      }
    }
    if let adminKey { try add(Self.adminEntry(adminKey), label: "the admin key", &owners) }
  }

  private static func adminEntry(_ key: String) throws(APIKeyError) -> Entry {
    guard Credential.isToken(key) else {
      throw APIKeyError(entry: "the admin key", problem: "must be letters, digits and -._~+/")
    }
    return Entry(
      principal: Principal(name: adminName, role: .admin),
      keyDigest: SHA256.hash(Array(key.utf8)), rateLimit: nil, maxSandboxes: nil)
  }

  /// `owners` are the names by digest of the keys so far: one key with two names would make the
  /// answer to "whose is it?" a matter of order.
  private mutating func add(
    _ entry: Entry, label: String, _ owners: inout [[UInt8]: String]
  ) throws(APIKeyError) {
    guard positions[entry.principal.name] == nil else {
      throw APIKeyError(entry: label, problem: "field 'name': is taken by another key")
    }
    if let owner = owners.updateValue(entry.principal.name, forKey: entry.keyDigest) {
      throw APIKeyError(entry: label, problem: "field 'key_sha256': is that of '\(owner)'")
    }
    positions[entry.principal.name] = entries.count
    digests.insert(entry.keyDigest)
    entries.append(entry)
  }
}

// MARK: Lookup

extension APIKeyStore {
  var isEmpty: Bool { entries.isEmpty }
  var count: Int { entries.count }

  /// Whose key this is. Every entry is compared, in constant time, whichever matches.
  func authenticate(key: String) -> Principal? {
    guard key.utf8.count <= Credential.maxLength else { return nil }
    let digest = SHA256.hash(Array(key.utf8))
    var match: Principal?
    for index in entries.indices where constantTimeEquals(entries[index].keyDigest, digest) {
      match = entries[index].principal
    }
    return match
  }

  /// Whether this is one of the keys. The look-up takes a time that depends on the digest, which
  /// nobody can choose.
  func holds(key: String) -> Bool {
    key.utf8.count <= Credential.maxLength && digests.contains(SHA256.hash(Array(key.utf8)))
  }

  /// What the key of this name may do now; nil once it is gone.
  func principal(named name: String) -> Principal? { entry(named: name)?.principal }

  func entry(named name: String) -> Entry? { positions[name].map { entries[$0] } }

  /// For whom a sandbox of this caller counts.
  func tenant(of caller: Principal) -> Tenant {
    Tenant(name: caller.name, maxSandboxes: entry(named: caller.name)?.maxSandboxes)
  }

  /// What the bearer of these claims may do now: the intersection of role, claims and the key's
  /// present rights. Nil once the key is gone.
  func principal(for claims: JWTClaims) -> Principal? {
    principal(named: claims.subject)?.restricted(to: claims.role, claims.permissions)
  }
}
