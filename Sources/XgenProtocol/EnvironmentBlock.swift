/// Environment variables as execve(2) has them: `NAME=value`, each with a NUL behind it. So a sandbox's
/// own are handed to its sidecar: in a file, or as the body of `PUT /environment`.
public enum EnvironmentBlock {
  /// 50 variables of 32 KiB and their names (spec/api.md), with room for a template's.
  public static let maxBytes = 2 * 1024 * 1024
  public static let contentType = "application/x-xgen-environment"

  public enum Failure: Error, Equatable, Sendable {
    case tooLong
    case tooMany
    /// Not `NAME=value`, or not closed by a NUL.
    case malformed
    case notUTF8
    case duplicate
  }

  /// In the order of the names. Precondition: no NUL anywhere and no `=` in a name.
  public static func encode(_ variables: [String: String]) -> [UInt8] {
    variables.sorted { $0.key < $1.key }.flatMap { Array("\($0.key)=\($0.value)".utf8) + [0] }
  }

  public static func decode(_ bytes: [UInt8]) throws(Failure) -> [String: String] {
    if bytes.count > maxBytes { throw .tooLong }
    if let last = bytes.last, last != 0 { throw .malformed }
    var variables: [String: String] = [:]
    for entry in bytes.dropLast().split(separator: 0, omittingEmptySubsequences: bytes.isEmpty) {
      guard let equals = entry.firstIndex(of: UInt8(ascii: "=")), equals > entry.startIndex else {
        throw .malformed
      }
      if variables.count >= WireLimits.maxEnvironmentVariables { throw .tooMany }
      guard let name = String(validating: entry[..<equals], as: UTF8.self),
        let value = String(validating: entry[(equals + 1)...], as: UTF8.self)
      else { throw .notUTF8 }
      if variables.updateValue(value, forKey: name) != nil { throw .duplicate }
    }
    return variables
  }
}
