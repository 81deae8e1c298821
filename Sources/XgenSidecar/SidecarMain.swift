import Glibc
import Reactor

/// What the executable does.
public enum SidecarMain {
  static let version = "0.1.0"

  /// Serves until SIGTERM (as PID 1: until it is killed). Exit code 0, 1 (did not start), 2 (bad
  /// command line).
  public static func run() -> Never {
    let configuration: SidecarConfiguration
    do throws(SidecarCommand.UsageError) {
      switch try SidecarCommand.parse(Array(CommandLine.arguments.dropFirst())) {
      case .help: leave(0, SidecarCommand.usage)
      case .version: leave(0, "xgen-sidecar \(version)\n")
      case .install(let folder): install(folder)
      case .serve(let parsed): configuration = parsed
      }
    } catch {
      leave(2, "xgen-sidecar: \(error)\n\(SidecarCommand.usage)")
    }
    do {
      try serve(configuration)
      exit(0)
    } catch {
      leave(1, "xgen-sidecar: \(error)\n")
    }
  }

  private static func install(_ folder: String) -> Never {
    do throws(BundleInstall.Failure) {
      try BundleInstall.run(into: folder)
      leave(0, "")
    } catch {
      leave(1, "xgen-sidecar: \(error)\n")
    }
  }

  private static func serve(_ configuration: SidecarConfiguration) throws {
    let secrets = try SidecarSecrets(configuration)
    let oomScore = OOMScore.ofThisProcess()  // hardened, we could not open it
    try Hardening.apply(configuration)
    let loop = try Loop()
    let sidecar = try Sidecar(
      loop: loop, workspace: configuration.workspace,
      environment: base(configuration).merging(secrets.environment) { $1 },
      oomScore: oomScore, ownPort: ownPort(configuration))
    let reaper = try Hardening.reaperIfInit(loop: loop)
    let server = SidecarServer(sidecar, token: secrets.token)
    let address = try server.listen(configuration)
    let started = StartCommand(configuration.startCommand, in: sidecar)
    let signal = try SignalWatch(loop: loop, signal: SIGTERM) {
      started?.end()
      server.close()
      sidecar.shutDown { loop.stop() }
    }
    if case .address = configuration.listen {
      StandardStream.error.write("listening on \(address)\n")
    }
    loop.run()
    signal.cancel()
    reaper?.close()
    loop.close()
  }

  private static func base(_ configuration: SidecarConfiguration) -> [String: String] {
    configuration.environmentFile == nil
      ? environment() : BaseEnvironment.ofImage(environment())
  }

  private static func ownPort(_ configuration: SidecarConfiguration) -> UInt16? {
    if case .address(let address) = configuration.listen { return address.port }
    return nil
  }

  /// Our own environment: what the starter gave is the base of every command's.
  private static func environment() -> [String: String] {
    var found: [String: String] = [:]
    var entry: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?> = environ
    while let pair = entry.pointee {
      let text = String(cString: pair)
      if let equals = text.firstIndex(of: "=") {
        let name = String(text[..<equals])
        // The cluster's own, where it adds them to every container, are not the sandbox's.
        if !name.hasPrefix("KUBERNETES_") {
          found[name] = String(text[text.index(after: equals)...])
        }
      }
      entry = entry.advanced(by: 1)
    }
    return found
  }

  private static func leave(_ code: Int32, _ text: String) -> Never {
    (code == 0 ? StandardStream.output : .error).write(text)
    exit(code)
  }
}
