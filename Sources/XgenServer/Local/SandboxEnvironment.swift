internal import XgenProtocol

/// The environment of a sandbox's sidecar, which is what every command inside starts from.
enum SandboxEnvironment {
  static let home = "/home/sandbox"

  /// Later ones win: what every sandbox has, what the template adds, what the client asked for.
  static func variables(of record: SandboxRecord) -> [(name: String, value: String)] {
    let extras = Template(rawValue: record.template)?.environment ?? [:]
    let display =
      record.gui ? [DesktopConventions.displayVariable: DesktopConventions.display] : [:]
    let merged = base.merging(display) { $1 }.merging(extras) { $1 }.merging(record.env) { $1 }
    return merged.sorted { $0.key < $1.key }.map { (name: $0.key, value: $0.value) }
  }

  private static let base = [
    "PATH": "\(home)/.local/bin:/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin",
    "HOME": home,
    "USER": "sandbox",
    "LOGNAME": "sandbox",
    "SHELL": "/bin/bash",
    "TERM": "xterm-256color",
    "LANG": "C.UTF-8",
  ]
}
