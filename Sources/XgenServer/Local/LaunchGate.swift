internal import Glibc

/// Where the first process of a new sandbox waits until its network is there (bwrap(1),
/// `--block-fd`). If we die meanwhile it goes on: then with no network, or with one that is filtered.
struct LaunchGate: ~Copyable {
  /// What bubblewrap inherits.
  let inside: OwnedDescriptor
  private let outside: OwnedDescriptor

  init() throws(LocalError) {
    let ends = try OwnedDescriptor.pipe()
    inside = OwnedDescriptor(ends.read)
    outside = OwnedDescriptor(ends.write)
  }

  /// Lets it go on.
  func open() throws(LocalError) { try outside.write([1], "gate") }
}
