internal import Glibc

/// The templates that the local backend knows, and the host's programs that each needs.
///
/// A sandbox sees nothing of the host's programs but /usr, so that is where they must be.
enum Template: String, Sendable, CaseIterable {
  case base, python, nodejs, go, gui

  /// A file that must exist, and the Debian package that brings it.
  struct Need: Sendable, Equatable {
    /// A program's name, or an absolute path.
    let name: String
    let package: String
  }

  var needs: [Need] {
    switch self {
    case .base: []
    case .python: [Need(name: "python3", package: "python3")]
    case .nodejs: [Need(name: "node", package: "nodejs")]
    case .go: [Need(name: "go", package: "golang-go")]
    case .gui: []  // a desktop comes with `gui: true`, in every template
    }
  }

  static let desktopNeeds = [
    Need(name: "Xtigervnc", package: "tigervnc-standalone-server"),
    Need(name: "tigervncpasswd", package: "tigervnc-tools"),
    Need(name: "openbox", package: "openbox"), Need(name: "websockify", package: "websockify"),
    Need(name: "/usr/share/novnc/vnc.html", package: "novnc"),
  ]

  /// Added to the environment of every command.
  var environment: [String: String] {
    switch self {
    // Debian refuses `pip install` outside of a virtual environment; a sandbox is one already.
    case .python: ["PIP_BREAK_SYSTEM_PACKAGES": "1"]
    case .base, .nodejs, .go, .gui: [:]
    }
  }

  /// Throws, naming the packages, if the host lacks a program that the sandbox needs. Blocks.
  static func check(
    _ record: SandboxRecord, isInstalled: (Need) -> Bool = Template.isInstalled
  ) throws(BackendError) {
    guard let template = Template(rawValue: record.template) else {
      throw .failed("unknown template '\(record.template)'")
    }
    let needs = template.needs + (record.gui ? desktopNeeds : [])
    let missing = needs.filter { !isInstalled($0) }
    if missing.isEmpty { return }
    let names = missing.map(\.name).joined(separator: ", ")
    let packages = missing.map(\.package).joined(separator: " ")
    let what = needs == template.needs ? "template '\(template.rawValue)'" : "a sandbox with gui"
    throw .unavailable(
      "\(what) needs what this host does not have under /usr: \(names); "
        + "install it with: apt-get install \(packages)")
  }

  static func isInstalled(_ need: Need) -> Bool {
    if need.name.hasPrefix("/") { return HostFiles.exists(need.name) }
    return ["/usr/local/bin", "/usr/bin", "/usr/local/sbin", "/usr/sbin"].contains { folder in
      // A link out of /usr leads nowhere inside the sandbox.
      guard let program = HostFiles.resolved(folder + "/" + need.name) else { return false }
      return program.hasPrefix("/usr/") && access(program, X_OK) == 0
    }
  }
}
