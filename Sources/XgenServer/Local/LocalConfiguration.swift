/// What the local backend is told by the server's settings.
struct LocalConfiguration: Sendable, Equatable {
  /// Where sandboxes, sockets and generated files live; made if missing.
  var dataDirectory: String
  /// Our `xgen-sidecar` on the host. It is copied, so that any user may be kept from its folder.
  var sidecarPath: String
  /// Host users that sandboxes become when the server runs as root; each gets one of its own.
  var uidRange: Range<UInt32> = 200_000..<265_536
  var limits = LocalLimits()
  /// Below which cgroup sandboxes' cgroups are made, as a path in each hierarchy; nil: the server's
  /// own. `Cgroups.noParent` leaves cgroups alone.
  var cgroupParent: String?
  /// What sandboxes reach unless they ask for less; none has more.
  var network = SandboxNetwork.none
  /// Name servers of sandboxes with a network; none: the host's.
  var resolvers: [IPAddress] = []
  /// Where Debian installs it. Not searched in PATH, which a user may have changed.
  var bubblewrapPath = "/usr/bin/bwrap"
  var pastaPath = "/usr/bin/pasta"
  var nftPath = "/usr/sbin/nft"

  init(dataDirectory: String, sidecarPath: String) {
    self.dataDirectory = dataDirectory
    self.sidecarPath = sidecarPath
  }
}
