/// What a sandbox finds in its /etc: the user, its names, and nothing of the host's.
enum GeneratedFiles {
  private static let files: [(name: String, text: String)] = [
    ("passwd", passwd), ("group", group), ("hosts", hosts), (resolverName, resolver),
    ("nsswitch.conf", nameServices), ("gitconfig", git),
  ]
  private static let resolverName = "resolv.conf"
  /// What a sandbox with a network has in its place.
  private static let egressResolverName = "resolv-internet.conf"

  /// Names in the sandbox's /etc, each with that of the file in the data folder.
  static func files(for network: SandboxNetwork) -> [(name: String, source: String)] {
    files.map { file in
      let isOther = network == .internet && file.name == resolverName
      return (file.name, isOther ? egressResolverName : file.name)
    }
  }

  /// Writes them where sandboxes can read them. Blocks.
  static func write(to directory: DataDirectory, _ egress: Egress?) throws(LocalError) {
    let more = egress.map { [(name: egressResolverName, text: Resolvers.file($0.resolvers))] }
    for file in files + (more ?? []) {
      try HostFiles.replace(
        directory.etc + "/" + file.name, Array(file.text.utf8), mode: 0o644, durable: false)
    }
  }

  private static let passwd = """
    root:x:0:0:root:/root:/usr/sbin/nologin
    sandbox:x:1000:1000:sandbox:/home/sandbox:/bin/bash
    nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin

    """

  private static let group = """
    root:x:0:
    tty:x:5:
    sandbox:x:1000:
    nogroup:x:65534:

    """

  private static let hosts = """
    127.0.0.1 localhost sandbox
    ::1 localhost ip6-localhost ip6-loopback

    """

  /// Without a nameserver libc asks 127.0.0.1, where nobody listens: lookups fail at once.
  private static let resolver = """
    # This sandbox has no network but its own loopback.
    options timeout:1 attempts:1

    """

  private static let nameServices = """
    passwd: files
    group: files
    shadow: files
    hosts: files dns
    networks: files
    protocols: files
    services: files

    """

  private static let git = """
    [user]
    \tname = sandbox
    \temail = sandbox@localhost
    [init]
    \tdefaultBranch = main

    """
}
