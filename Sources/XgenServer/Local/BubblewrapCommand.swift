/// The arguments that make one sandbox out of bubblewrap (bwrap(1), 0.8 or later).
///
/// Every mount is new: whatever is not named here does not exist inside.
struct BubblewrapCommand: Sendable {
  /// Numbers of the descriptors that bubblewrap inherits.
  enum Descriptor {
    /// The listening socket; the sidecar inherits it.
    static let listener: Int32 = 3
    /// bubblewrap writes the first process's pid here and closes it.
    static let info: Int32 = 4
    /// bubblewrap reads the filter here and closes it.
    static let seccomp: Int32 = 5
    /// bubblewrap reads more arguments here and closes it.
    static let arguments: Int32 = 6
    /// Where there is a network to wait for: bubblewrap reads one byte here before it goes on.
    static let gate: Int32 = 7
  }

  static let sidecarPath = "/run/xgen/xgen-sidecar"

  /// The sandbox's home on the host.
  let home: String
  /// The folder of generated files.
  let etc: String
  /// The sidecar's copy on the host.
  let sidecar: String
  let layout: HostLayout
  let limits: LocalLimits
  /// With one, the first process waits at the gate until the network is there.
  var network = SandboxNetwork.none
  var hasDesktop = false

  /// The whole command line after `bwrap`. It holds nothing secret: every user of the host sees it.
  var arguments: [String] { arguments(running: sidecarCommand) }

  /// The same sandbox around another first process.
  func arguments(running command: [String]) -> [String] {
    namespaces + programs + configuration + kernelFolders + writable + sealing + descriptors
      + ["--"] + command
  }

  private var sidecarCommand: [String] {
    [
      Self.sidecarPath, "serve", "--listen-fd", String(Descriptor.listener),
      "--max-processes", String(limits.maxProcesses),
      "--max-open-files", String(limits.maxOpenFiles),
      "--max-file-bytes", String(limits.maxFileBytes),
    ] + (limits.maxDataBytes.map { ["--max-data-bytes", String($0)] } ?? [])
      + (hasDesktop ? ["--desktop"] : [])
  }

  /// The environment as NUL-ended arguments, which bubblewrap reads from a descriptor: on its
  /// command line every user would see the values, and in its own environment some would change
  /// how bubblewrap itself runs, outside of the sandbox.
  static func environmentArguments(_ variables: [(name: String, value: String)]) -> [UInt8] {
    variables.flatMap { variable in
      ["--setenv", variable.name, variable.value].flatMap { Array($0.utf8) + [0] }
    }
  }

  /// The sidecar is the namespace's init (`--as-pid-1`): no signal from inside can end it, and its
  /// end ends everything. No `--die-with-parent`: sandboxes outlive a server that is killed.
  private var namespaces: [String] {
    [
      "--unshare-user", "--disable-userns", "--unshare-pid", "--unshare-ipc", "--unshare-uts",
      "--unshare-net", "--unshare-cgroup-try", "--uid", "1000", "--gid", "1000",
      "--hostname", "sandbox", "--new-session", "--as-pid-1", "--clearenv", "--cap-drop", "ALL",
    ]
  }

  private var programs: [String] {
    ["--ro-bind", "/usr", "/usr"]
      + layout.entries.flatMap { entry -> [String] in
        switch entry {
        case .link(let name, let target): ["--symlink", target, "/" + name]
        case .folder(let name): ["--ro-bind", "/" + name, "/" + name]
        }
      }
      + ["--perms", "0755", "--dir", "/run/xgen", "--ro-bind", sidecar, Self.sidecarPath]
  }

  private var configuration: [String] {
    ["--perms", "0755", "--dir", "/etc"]
      + [
        "alternatives", "ssl/certs", "ca-certificates", "ca-certificates.conf", "fonts",
        "localtime", "ld.so.cache", "xdg/openbox",
      ].flatMap { ["--ro-bind-try", "/etc/" + $0, "/etc/" + $0] }
      + GeneratedFiles.files(for: network).flatMap {
        ["--ro-bind", etc + "/" + $0.source, "/etc/" + $0.name]
      }
  }

  private var kernelFolders: [String] { ["--proc", "/proc", "--dev", "/dev"] }

  private var writable: [String] {
    [
      "--perms", "1777", "--size", String(limits.tmpBytes), "--tmpfs", "/tmp",
      "--perms", "1777", "--size", String(limits.shmBytes), "--tmpfs", "/dev/shm",
      "--perms", "0755", "--dir", "/var", "--symlink", "../tmp", "/var/tmp",
      "--perms", "0755", "--dir", "/home", "--bind", home, SandboxEnvironment.home,
    ]
  }

  /// Last: nothing can be mounted on these afterwards.
  private var sealing: [String] {
    ["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", SandboxEnvironment.home]
  }

  private var descriptors: [String] {
    [
      "--info-fd", String(Descriptor.info), "--seccomp", String(Descriptor.seccomp),
      "--args", String(Descriptor.arguments),
    ] + (network == .none ? [] : ["--block-fd", String(Descriptor.gate)])
  }

  /// Whether a process's command line is that of a sandbox under `folder`; its id if so.
  static func sandboxID(ofCommandLine line: [String], under folder: String) -> String? {
    guard line.first?.split(separator: "/").last == "bwrap" else { return nil }
    for (index, word) in line.enumerated() where word == "--bind" && index + 2 < line.count {
      let source = line[index + 1]
      guard line[index + 2] == SandboxEnvironment.home, source.hasPrefix(folder + "/"),
        source.hasSuffix("/home")
      else { continue }
      return String(source.dropFirst(folder.utf8.count + 1).dropLast(5))
    }
    return nil
  }
}
