/// The routes of another network namespace, as /proc shows them.
enum NamespaceRoutes {
  /// Whether the namespace of this process has a default route. Blocks.
  static func hasDefault(_ pid: Int32) -> Bool {
    hasDefault4(text("/proc/\(pid)/net/route")) || hasDefault6(text("/proc/\(pid)/net/ipv6_route"))
  }

  /// `Iface Destination Gateway Flags RefCnt Use Metric Mask …`, numbers in hexadecimal (proc(5)).
  static func hasDefault4(_ text: String) -> Bool {
    text.split(separator: "\n").dropFirst().contains { line in
      let fields = line.split { $0 == "\t" || $0 == " " }
      return fields.count > 7 && fields[1] == "00000000" && fields[7] == "00000000"
    }
  }

  /// `destination length source length next-hop … interface`; without routes of its own the kernel
  /// shows one to nowhere, by lo.
  static func hasDefault6(_ text: String) -> Bool {
    text.split(separator: "\n").contains { line in
      let fields = line.split(separator: " ")
      return fields.count == 10 && fields[1] == "00" && fields[9] != "lo"
        && fields[0].allSatisfy { $0 == "0" }
    }
  }

  private static func text(_ path: String) -> String {
    let bytes = try? HostFiles.read(path, limit: LocalLimits.maxProcBytes)
    return String(decoding: bytes ?? [], as: UTF8.self)
  }
}
