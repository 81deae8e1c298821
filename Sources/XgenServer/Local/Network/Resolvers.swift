internal import Glibc

/// Which name servers sandboxes with a network ask: the host's own.
enum Resolvers {
  /// glibc asks no more than three (resolv.conf(5)).
  static let most = 3
  /// Where systemd-resolved keeps those that it asks itself; its own is on the host's loopback.
  private static let files = ["/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"]
  private static let maxFileBytes = 64 * 1024

  /// Those of the first file that names one which a sandbox can reach. Blocks.
  static func ofHost() throws(LocalError) -> [IPAddress] {
    for file in files {
      guard let bytes = try? HostFiles.read(file, limit: maxFileBytes) else { continue }
      let found = parse(String(decoding: bytes, as: UTF8.self))
      if !found.isEmpty { return found }
    }
    throw .program(
      "sandboxes with a network need a name server, and this host's is on its own loopback or "
        + "missing (\(files[0])); name one with --local-dns")
  }

  /// Addresses of `nameserver` lines that another host can be reached at.
  static func parse(_ text: String) -> [IPAddress] {
    var found: [IPAddress] = []
    for line in text.split(whereSeparator: \.isNewline) {
      let words = line.split { $0 == " " || $0 == "\t" }
      guard words.count >= 2, words[0] == "nameserver", let address = IPAddress(words[1]),
        isReachable(address), !found.contains(address)
      else { continue }
      found.append(address)
    }
    return Array(found.prefix(most))
  }

  /// Neither loopback nor nobody's. Link-local ones need a zone, which means nothing inside.
  static func isReachable(_ address: IPAddress) -> Bool {
    ![CIDR("127.0.0.0/8"), CIDR("0.0.0.0/8"), CIDR("::/127"), CIDR("fe80::/10")]
      .contains { $0?.contains(address) == true }
  }

  /// A sandbox's /etc/resolv.conf.
  static func file(_ resolvers: [IPAddress]) -> String {
    resolvers.map { "nameserver \($0)\n" }.joined() + "options timeout:3 attempts:2\n"
  }
}
