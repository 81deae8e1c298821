import Reactor
import XgenProtocol

/// What the sidecar is told at its start.
struct SidecarConfiguration: Equatable, Sendable {
  enum Listen: Equatable, Sendable {
    /// A descriptor that listens already, inherited from the server.
    case descriptor(Int32)
    case address(SocketAddress)
  }

  var listen: Listen
  var workspace = WorkspacePath.root
  /// File with the token that a server must hold; nil: whoever connects is served.
  var tokenFile: String?
  /// File with the sandbox's own variables, an `EnvironmentBlock`.
  var environmentFile: String?
  /// What runs in the sandbox from its start; empty: nothing.
  var startCommand: [String] = []
  /// A desktop runs beside the commands.
  var hasDesktop = false
  /// Of the sidecar and of every command; nil leaves what is.
  var maxProcesses: UInt64?
  var maxOpenFiles: UInt64?
  var maxFileBytes: UInt64?
  var maxDataBytes: UInt64?
}

/// The command line of `xgen-sidecar`.
enum SidecarCommand: Equatable {
  case serve(SidecarConfiguration)
  /// Copy this program and all that it needs into a folder.
  case install(String)
  /// A desktop alone, for a container beside that of the sandbox.
  case desktop
  case help
  case version

  struct UsageError: Error, Equatable, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
  }

  static let usage = """
    usage: xgen-sidecar serve --listen-fd N | --listen ADDR [option …] [-- COMMAND [argument …]]
           xgen-sidecar install DIR
           xgen-sidecar desktop

    install copies this program with its loader and libraries, to be started in any image as
    DIR/ld.so --library-path DIR/lib DIR/xgen-sidecar serve …

    desktop runs display \(DesktopConventions.display) with a window manager, and shows it as a page at
    127.0.0.1:\(DesktopConventions.port) to who knows the password in
    \(DesktopConventions.passwordVariable).

    COMMAND is started with the sandbox, in its workspace; it writes to our own output and error.

      --listen-fd N         serve on a listening descriptor that was inherited
      --listen ADDR         serve on ADDR:PORT, :PORT or unix:/path
      --workspace DIR       the workspace folder (default \(WorkspacePath.root))
      --token-file FILE     with --listen: serve only who proves to hold the token that is in it;
                            others may ask for /healthz
      --env-file FILE       variables for every command: NAME=value, each with a NUL behind it
      --desktop             a desktop, too, in the sandbox itself
      --max-processes N     RLIMIT_NPROC
      --max-open-files N    RLIMIT_NOFILE, at least \(minOpenFiles)
      --max-file-bytes N    RLIMIT_FSIZE
      --max-data-bytes N    RLIMIT_DATA, at least \(minDataBytes)
      --help, --version

    """

  /// 256 commands have at most 5 descriptors each here; fewer commands run with fewer files.
  static let minOpenFiles: UInt64 = 64
  /// What the sidecar itself, its threads' stacks included, never needs.
  static let minDataBytes: UInt64 = 256 << 20

  /// Parses what follows the program's name.
  static func parse(_ arguments: [String]) throws(UsageError) -> SidecarCommand {
    let own = arguments.prefix { $0 != "--" }
    if own.contains("--help") || own.contains("-h") { return .help }
    if own.contains("--version") { return .version }
    guard let command = arguments.first else { throw UsageError("missing command: serve") }
    if command == "install" {
      guard arguments.count == 2, arguments[1].hasPrefix("/") else {
        throw UsageError("install takes an absolute path")
      }
      return .install(arguments[1])
    }
    if command == "desktop" {
      guard arguments.count == 1 else { throw UsageError("desktop takes no arguments") }
      return .desktop
    }
    guard command == "serve" else { throw UsageError("unknown command: \(command)") }
    var options = Options()
    var rest = arguments.dropFirst()
    while let option = rest.popFirst() {
      if option == "--" {
        options.startCommand = Array(rest)
        break
      }
      if option == "--desktop" {
        options.hasDesktop = true
        continue
      }
      guard options.knows(option) else { throw UsageError("unknown option: \(option)") }
      guard let value = rest.popFirst() else { throw UsageError("\(option): missing value") }
      try options.set(option, value)
    }
    return .serve(try options.configuration())
  }
}

/// Options as they come, each at most once.
private struct Options {
  private static let names = [
    "--listen-fd", "--listen", "--workspace", "--token-file", "--env-file", "--max-processes",
    "--max-open-files", "--max-file-bytes", "--max-data-bytes",
  ]
  private var values: [String: String] = [:]
  var startCommand: [String] = []
  var hasDesktop = false

  func knows(_ option: String) -> Bool { Self.names.contains(option) }

  mutating func set(_ option: String, _ value: String) throws(SidecarCommand.UsageError) {
    if values.updateValue(value, forKey: option) != nil {
      throw .init("\(option): given twice")
    }
  }

  func configuration() throws(SidecarCommand.UsageError) -> SidecarConfiguration {
    var configuration = SidecarConfiguration(listen: try listen())
    if let workspace = values["--workspace"] {
      guard workspace.hasPrefix("/") else { throw .init("--workspace: not an absolute path") }
      configuration.workspace = workspace
    }
    configuration.startCommand = startCommand
    configuration.hasDesktop = hasDesktop
    configuration.tokenFile = values["--token-file"]
    configuration.environmentFile = values["--env-file"]
    if configuration.tokenFile != nil, values["--listen"] == nil {
      throw .init("--token-file: needs --listen")
    }
    configuration.maxProcesses = try number("--max-processes", atLeast: 1)
    configuration.maxOpenFiles = try number(
      "--max-open-files", atLeast: SidecarCommand.minOpenFiles)
    configuration.maxFileBytes = try number("--max-file-bytes", atLeast: 1)
    configuration.maxDataBytes = try number(
      "--max-data-bytes", atLeast: SidecarCommand.minDataBytes)
    return configuration
  }

  private func listen() throws(SidecarCommand.UsageError) -> SidecarConfiguration.Listen {
    switch (values["--listen-fd"], values["--listen"]) {
    case (nil, nil): throw .init("missing option: --listen-fd or --listen")
    case (_?, _?): throw .init("--listen-fd and --listen exclude each other")
    case (let text?, nil):
      guard let number = Int32(text), number >= 0 else {
        throw .init("--listen-fd: not a descriptor: \(text)")
      }
      return .descriptor(number)
    case (nil, let text?):
      guard let address = SocketAddress(parsing: text) else {
        throw .init("--listen: not an address: \(text)")
      }
      return .address(address)
    }
  }

  private func number(
    _ option: String, atLeast minimum: UInt64
  ) throws(SidecarCommand.UsageError) -> UInt64? {
    guard let text = values[option] else { return nil }
    guard let number = UInt64(text), number >= minimum else {
      throw .init("\(option): not a number of at least \(minimum): \(text)")
    }
    return number
  }
}
