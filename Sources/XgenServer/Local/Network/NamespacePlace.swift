internal import CLinux
internal import Glibc
internal import Reactor

/// The namespaces of a sandbox that a helper enters on the way to its exec, held open.
///
/// The sandbox's network namespace belongs to a user namespace whose owner is the sandbox's host
/// user: a process of that user may enter it and has every capability there. What runs inside the
/// sandbox is in a user namespace below, and has none.
final class NamespacePlace: Sendable {
  private let user: OwnedDescriptor
  private let network: OwnedDescriptor
  private let capabilities: UInt64
  private let entersNetwork: Bool

  /// Bits of capabilities(7).
  enum Capability {
    static let networkAdministration: UInt64 = 1 << 12
    static let systemAdministration: UInt64 = 1 << 21
  }

  /// Of the sandbox whose first process this is. Blocks.
  init(
    of pid: Int32, entersNetwork: Bool, keeping capabilities: UInt64
  ) throws(LocalError) {
    network = try OwnedDescriptor.open("/proc/\(pid)/ns/net", O_RDONLY)
    let owner = xgen_owner_namespace(network.raw)
    if owner < 0 { throw .system("user namespace of a sandbox's network", UVError(owner)) }
    user = OwnedDescriptor(owner)
    self.capabilities = capabilities
    self.entersNetwork = entersNetwork
  }

  /// Whether this process has gone on into a user namespace below, as bubblewrap's does when all
  /// else is set up. Blocks.
  func isAbove(_ pid: Int32) -> Bool {
    var (own, other) = (stat(), stat())
    return fstat(user.raw, &own) == 0 && stat("/proc/\(pid)/ns/user", &other) == 0
      && own.st_ino != other.st_ino
  }

  /// The place must be kept until the spawn.
  func apply(to options: inout SpawnOptions) {
    options.namespaces = entersNetwork ? [user.raw, network.raw] : [user.raw]
    options.capabilities = capabilities
  }
}
