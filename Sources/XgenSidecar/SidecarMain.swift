import Glibc
import Reactor
import XgenProtocol

/// What the executable does.
public enum SidecarMain {
  static let version = "0.1.0"

  /// Serves until SIGTERM (as PID 1: until it is killed). Exit code 0, 1 (did not start), 2 (bad
  /// command line).
  public static func run() -> Never {
    let command: SidecarCommand
    do throws(SidecarCommand.UsageError) {
      command = try SidecarCommand.parse(Array(CommandLine.arguments.dropFirst()))
    } catch {
      leave(2, "xgen-sidecar: \(error)\n\(SidecarCommand.usage)")
    }
    do {
      switch command {
      case .help: leave(0, SidecarCommand.usage)
      case .version: leave(0, "xgen-sidecar \(version)\n")
      case .install(let folder): install(folder)
      case .desktop: exit(try runDesktop())
      case .serve(let configuration):
        try serve(configuration)
        exit(0)
      }
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

  /// Until SIGTERM (0), or until it shows that there can be none (1).
  private static func runDesktop() throws -> Int32 {
    try Hardening.limitCores()
    let loop = try Loop()
    let reaper = try Hardening.reaperIfInit(loop: loop)
    var exitCode: Int32 = 0
    var variables = environment()
    let password = variables.removeValue(forKey: DesktopConventions.passwordVariable)
    let desktop = Desktop(
      loop: loop,
      environment: Desktop.environment(BaseEnvironment(variables), password: password ?? ""),
      onGivingUp: {
        exitCode = 1
        loop.stop()
      })
    let signal = try SignalWatch(loop: loop, signal: SIGTERM) { loop.stop() }
    loop.run()
    desktop.end()
    signal.cancel()
    reaper?.close()
    return exitCode
  }

  private static func serve(_ configuration: SidecarConfiguration) throws {
    let secrets = try SidecarSecrets(configuration)
    let oomScore = OOMScore.ofThisProcess()  // hardened, we could not open it
    try Hardening.apply(configuration)
    let loop = try Loop()
    var variables = base(configuration).merging(secrets.environment) { $1 }
    let password = variables.removeValue(forKey: DesktopConventions.passwordVariable)
    let sidecar = try Sidecar(
      loop: loop, workspace: configuration.workspace, environment: variables,
      oomScore: oomScore, ownPort: ownPort(configuration))
    let reaper = try Hardening.reaperIfInit(loop: loop)
    let server = SidecarServer(sidecar, token: secrets.token)
    let address = try server.listen(configuration)
    let started = StartCommand(configuration.startCommand, in: sidecar)
    let desktop = configuration.hasDesktop ? Desktop(in: sidecar, password: password ?? "") : nil
    let signal = try SignalWatch(loop: loop, signal: SIGTERM) {
      started?.end()
      desktop?.end()
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
