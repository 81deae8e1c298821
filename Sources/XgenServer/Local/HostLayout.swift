/// The host's top-level folders of programs and libraries: links into /usr, or real folders on
/// hosts that have not merged them.
struct HostLayout: Sendable, Equatable {
  enum Entry: Sendable, Equatable {
    case link(name: String, target: String)
    case folder(name: String)
  }

  let entries: [Entry]

  /// Looks at the host. Blocks.
  static func read() -> HostLayout {
    HostLayout(entries: ["bin", "sbin", "lib", "lib32", "lib64", "libx32"].compactMap(entry))
  }

  private static func entry(_ name: String) -> Entry? {
    let path = "/" + name
    if let target = HostFiles.linkTarget(path), target.drop(while: { $0 == "/" }).hasPrefix("usr/")
    {
      return .link(name: name, target: target)
    }
    return HostFiles.isFolder(path) ? .folder(name: name) : nil
  }
}
