/// What is wrong with the API keys that an operator gave. Names no key material.
struct APIKeyError: Error, Equatable, Sendable {
  /// Which entry: "entry 3 ('ci')"; empty for the file as a whole.
  let entry: String
  let problem: String
}

extension APIKeyError: CustomStringConvertible {
  var description: String {
    entry.isEmpty ? "API keys: \(problem)" : "API keys, \(entry): \(problem)"
  }
}

/// Reads the file of API keys:
///
///     [{"name": "ci", "key_sha256": "<64 hex digits>", "role": "user",
///       "permissions": ["sandbox:read"], "rate_limit": 600, "max_sandboxes": 10}]
///
/// The last three members may be absent. Unknown members are ignored.
enum APIKeyFile {
  /// Each authentication compares with every key: some 1 ms for as many.
  static let maxEntries = 10_000
  /// Names stand in logs, metrics and tokens.
  static let maxNameLength = 128
  private static let limits = JSONLimits(maxDepth: 8, maxElements: 200_000)
  private static let maxNumber = 1_000_000_000

  static func entries(_ file: [UInt8]) throws(APIKeyError) -> [APIKeyStore.Entry] {
    let elements = try array(file)
    guard elements.count <= maxEntries else {
      throw APIKeyError(entry: "", problem: "more than \(maxEntries) entries")
    }
    var entries: [APIKeyStore.Entry] = []
    for (index, element) in elements.enumerated() {
      let name = element.objectValue?["name"]?.stringValue
      do throws(FieldError) {
        entries.append(try entry(element))
      } catch {
        let problem = error.field.isEmpty ? "must be an object" : error.description
        throw APIKeyError(entry: label(index, name), problem: problem)
      }
    }
    return entries
  }

  /// How errors name the entry at `index`, counted from 1 for the reader.
  static func label(_ index: Int, _ name: String?) -> String {
    guard let name, isName(name) else { return "entry \(index + 1)" }
    return "entry \(index + 1) ('\(name)')"
  }

  private static func array(_ file: [UInt8]) throws(APIKeyError) -> [JSONValue] {
    do throws(JSONError) {
      if let elements = try JSONParser.parse(file, limits: limits).arrayValue { return elements }
    } catch {
      throw APIKeyError(entry: "", problem: error.description)
    }
    throw APIKeyError(entry: "", problem: "must be a JSON array")
  }
}

// MARK: Fields of an entry

extension APIKeyFile {
  private static func entry(_ element: JSONValue) throws(FieldError) -> APIKeyStore.Entry {
    let fields = try JSONFields(element)
    let name = try fields.requiredString("name")
    guard isName(name) else {
      throw fields.error("name", "must be 1 to \(maxNameLength) printable ASCII characters")
    }
    let principal = Principal(
      name: name, role: try role(fields), permissions: try permissions(fields))
    return APIKeyStore.Entry(
      principal: principal, keyDigest: try digest(fields),
      rateLimit: try count(fields, "rate_limit"),
      maxSandboxes: try count(fields, "max_sandboxes"))
  }

  private static func isName(_ name: String) -> Bool {
    1...maxNameLength ~= name.utf8.count && name.utf8.allSatisfy { 0x20...0x7E ~= $0 }
  }

  private static func role(_ fields: JSONFields) throws(FieldError) -> Role {
    guard let role = Role(rawValue: try fields.requiredString("role")) else {
      throw fields.error("role", "must be admin, user or viewer")
    }
    return role
  }

  private static func permissions(_ fields: JSONFields) throws(FieldError) -> Set<Permission>? {
    guard let names = try fields.strings("permissions") else { return nil }
    let permissions = names.compactMap(Permission.init(rawValue:))
    guard permissions.count == names.count else {
      let known = Permission.allCases.map(\.rawValue).joined(separator: ", ")
      throw fields.error("permissions", "must be some of \(known)")
    }
    return Set(permissions)
  }

  private static func digest(_ fields: JSONFields) throws(FieldError) -> [UInt8] {
    let digits = try fields.requiredString("key_sha256").utf8.compactMap(hexDigitValue)
    let length = try fields.requiredString("key_sha256").utf8.count
    guard length == 2 * SHA256.byteCount, digits.count == length else {
      throw fields.error("key_sha256", "must be 64 hexadecimal digits")
    }
    return stride(from: 0, to: length, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
  }

  private static func count(_ fields: JSONFields, _ name: String) throws(FieldError) -> Int? {
    guard let number = try fields.int(name) else { return nil }
    guard 0...maxNumber ~= number else {
      throw fields.error(name, "must be between 0 and \(maxNumber)")
    }
    return number
  }
}
