@preconcurrency import Glibc

/// The environment that every command starts with: the sidecar's own, which the sandbox's starter
/// has set, with defaults for what a shell needs.
struct BaseEnvironment: Equatable, Sendable {
  static let defaults = [
    "PATH": "/home/sandbox/.local/bin:/usr/local/bin:/usr/bin:/bin",
    "HOME": "/home/sandbox",
    "USER": "sandbox",
    "TERM": "xterm-256color",
    "LANG": "C.UTF-8",
  ]

  let variables: [String: String]

  init(_ own: [String: String]) {
    variables = Self.defaults.merging(own) { $1 }
  }

  /// With the folder for the user's own programs first in PATH, where an image has a PATH without it.
  static func ofImage(_ own: [String: String]) -> [String: String] {
    let folder = "\(defaults["HOME"] ?? "")/.local/bin"
    guard let path = own["PATH"], !path.split(separator: ":").contains(Substring(folder)) else {
      return own
    }
    return own.merging(["PATH": "\(folder):\(path)"]) { $1 }
  }

  /// `NAME=value` each, in the order of the names; the request's win.
  func merged(with request: [String: String]) -> [String] {
    variables.merging(request) { $1 }.map { "\($0.key)=\($0.value)" }.sorted()
  }

  /// This process's environment. Called before threads and hardening.
  static func ofThisProcess() -> [String: String] {
    var variables: [String: String] = [:]
    var next = environ
    while let entry = next.pointee {
      let text = String(cString: entry)
      if let equals = text.firstIndex(of: "="), equals > text.startIndex {
        variables[String(text[..<equals])] = String(text[text.index(after: equals)...])
      }
      next += 1
    }
    return variables
  }
}
