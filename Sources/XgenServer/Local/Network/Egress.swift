internal import CLinux
internal import Glibc
internal import Reactor

/// How sandboxes of this host reach the internet: pasta (passt(1)) gives a network namespace an
/// interface and makes its connections from the host's side, as the sandbox's host user. A packet
/// filter inside comes first (`EgressFilter`).
struct Egress: Sendable {
  /// Asked by sandboxes.
  let resolvers: [IPAddress]
  let pastaPath: String
  let nftPath: String

  /// The interface inside, and its addresses: the same in every sandbox, nothing of the host's.
  private static let interface = "eth0"
  private static let addresses = ["10.0.2.100", "fd2b:7867:656e::100"]
  private static let gateways = ["10.0.2.2", "fe80::2"]

  /// Checks the programs and finds the name servers: those of the configuration, or the host's.
  /// Blocks.
  static func prepare(_ configuration: LocalConfiguration) throws(LocalError) -> Egress? {
    if configuration.network == .none { return nil }
    let needs = [(configuration.pastaPath, "passt"), (configuration.nftPath, "nftables")]
    for (path, package) in needs where access(path, X_OK) != 0 {
      throw .program(
        "--local-network internet needs \(path), which is not installed: "
          + "apt-get install \(package)")
    }
    let given = configuration.resolvers
    return Egress(
      resolvers: given.isEmpty ? try Resolvers.ofHost() : given,
      pastaPath: configuration.pastaPath, nftPath: configuration.nftPath)
  }

  /// Connects the sandbox whose first process this is and waits for nothing but that. Throws, and
  /// leaves no process, if it can't be done. Blocks for some 40 ms.
  func open(
    _ id: String, _ pid: Int32, user: UInt32?, cgroups: [Int32], in directory: DataDirectory
  ) throws(LocalError) -> HostProcess {
    // Before there is an interface: not even for a moment is it open.
    try filter(pid, user: user)
    let log = try OwnedDescriptor.memory("pasta", [])
    let child = try startPasta(id, pid, user: user, cgroups: cgroups, in: directory, log)
    do throws(LocalError) {
      let process = try waitForRoute(child, pid, log)
      // What it says from here on, perhaps because a sandbox makes it, is dropped.
      let sealed = xgen_seal_size(log.raw)
      if sealed < 0 { throw .system("seal pasta's log", UVError(sealed)) }
      return process
    } catch {
      HostProcess.running(child)?.end()
      Self.reap(child)
      throw error
    }
  }

  private func filter(_ pid: Int32, user: UInt32?) throws(LocalError) {
    let rules = EgressFilter(resolvers: resolvers, hostNetworks: try HostNetworks.read()).text
    var nft = HostProgram(path: nftPath, arguments: ["-f", "-"], user: user)
    nft.input = Array(rules.utf8)
    nft.place = try NamespacePlace(
      of: pid, entersNetwork: true, keeping: NamespacePlace.Capability.networkAdministration)
    let outcome = try nft.run(timeoutMs: LocalLimits.networkTimeoutMs)
    if outcome.exitCode == 0 { return }
    throw .program("the packet filter of a sandbox's network can't be set: \(outcome.output)")
  }

  private func startPasta(
    _ id: String, _ pid: Int32, user: UInt32?, cgroups: [Int32], in directory: DataDirectory,
    _ log: borrowing OwnedDescriptor
  ) throws(LocalError) -> Int32 {
    let command = directory.pasta(id)
    try attempt("symlink \(command)") { symlink(pastaPath, command) }
    let null = try OwnedDescriptor.open("/dev/null", O_RDWR)
    let place = try NamespacePlace(
      of: pid, entersNetwork: false,
      keeping: NamespacePlace.Capability.networkAdministration
        | NamespacePlace.Capability.systemAdministration)
    try waitForSetup(pid, place)
    var options = SpawnOptions(
      command: command, arguments: Self.arguments(pid), environment: ["LANG=C"],
      workingDirectory: "/", descriptors: [null.raw, log.raw, log.raw])
    options.user = user.map { (uid: $0, gid: $0) }
    options.cgroups = cgroups
    place.apply(to: &options)
    do {
      return try withExtendedLifetime(place) { () throws(SpawnError) in try options.spawn() }
    } catch {
      throw .program("\(pastaPath): \(error)")
    }
  }

  /// While bubblewrap's process has every capability of the namespace in which pasta has two, pasta
  /// can't open what is that process's (ptrace(2)); from above it can.
  private func waitForSetup(_ pid: Int32, _ place: NamespacePlace) throws(LocalError) {
    let deadline = Deadline(afterMs: LocalLimits.networkTimeoutMs)
    while !place.isAbove(pid) {
      if HostProcess.running(pid) == nil || deadline.hasPassed {
        throw .program("bubblewrap did not set up a sandbox that waits for its network")
      }
      usleep(LocalLimits.networkRetryUs)
    }
  }

  /// Nothing listens on the host for the sandbox, nothing in the sandbox leads to the host's
  /// loopback (`none` four times, `--no-map-gw`), and no service is offered inside.
  static func arguments(_ pid: Int32) -> [String] {
    [
      "--foreground", "--quiet", "--config-net", "--netns-only", "--netns", "/proc/\(pid)/ns/net",
      "-t", "none", "-u", "none", "-T", "none", "-U", "none", "--no-map-gw",
      "--no-dhcp", "--no-dhcpv6", "--no-ra", "--ns-ifname", interface, "--netmask", "24",
    ] + addresses.flatMap { ["--address", $0] } + gateways.flatMap { ["--gateway", $0] }
  }

  /// pasta says nothing when it is ready; the default route is the last of what it sets.
  private func waitForRoute(
    _ child: Int32, _ pid: Int32, _ log: borrowing OwnedDescriptor
  ) throws(LocalError) -> HostProcess {
    let deadline = Deadline(afterMs: LocalLimits.networkTimeoutMs)
    while !deadline.hasPassed {
      guard let process = HostProcess.running(child) else {
        throw .program("pasta can't connect a sandbox: \(Self.reason(log))")
      }
      if NamespaceRoutes.hasDefault(pid) { return process }
      usleep(LocalLimits.networkRetryUs)
    }
    throw .program("pasta did not connect a sandbox in time: \(Self.reason(log))")
  }

  /// What pasta wrote, without what it says of a host that has no syslog.
  private static func reason(_ log: borrowing OwnedDescriptor) -> String {
    var bytes = [UInt8](repeating: 0, count: LocalLimits.logTailBytes)
    let count = pread(log.raw, &bytes, bytes.count, 0)
    let lines = bytes[..<max(0, count)].split(separator: UInt8(ascii: "\n")).filter {
      !$0.starts(with: "Failed to send ".utf8)
    }
    let text = LogTail.clean(Array(lines.joined(separator: [UInt8(ascii: " ")]))[...])
    if !text.contains("tun socket") { return text }
    return text + "; every user must be able to open /dev/net/tun: modprobe tun; "
      + "chmod 666 /dev/net/tun"
  }

  private static func reap(_ child: Int32) {
    var ignored: Int32 = 0
    _ = xgen_reap(child, &ignored)
  }
}
