/// A mounted cgroup hierarchy and our own place in it.
struct CgroupMount: Sendable, Equatable {
  let version: CgroupVersion
  /// Of v1, those that we use; of v2 the hierarchy's own file tells.
  let controllers: Set<CgroupController>
  let mountPoint: String
  /// The folder of the cgroup that this process is in; nil if it is not below the mount.
  let ownFolder: String?

  /// Reads /proc/self/mountinfo and /proc/self/cgroup (proc_pid_mountinfo(5), cgroups(7)):
  ///
  /// ```
  /// 35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
  /// 4:memory:/some/cgroup
  /// ```
  static func parse(mountinfo: [UInt8], membership: [UInt8]) -> [CgroupMount] {
    let places = lines(membership).compactMap(Place.init)
    var mounts: [CgroupMount] = []
    for line in lines(mountinfo) {
      guard let mount = mount(line, places) else { continue }
      // The same hierarchy may be mounted again elsewhere.
      let isKnown = mounts.contains {
        $0.version == mount.version && $0.controllers == mount.controllers
      }
      if !isKnown { mounts.append(mount) }
    }
    return mounts
  }

  private static func lines(_ bytes: [UInt8]) -> [Substring] {
    String(decoding: bytes, as: UTF8.self).split(separator: "\n")
  }

  private static func mount(_ line: Substring, _ places: [Place]) -> CgroupMount? {
    let fields = line.split(separator: " ")
    guard let dash = fields.firstIndex(of: "-"), dash >= 6, fields.count > dash + 3 else {
      return nil
    }
    let mountPoint = unescape(fields[4])
    switch fields[dash + 1] {
    case "cgroup2":
      let place = places.first { $0.isV2 }
      return CgroupMount(
        version: .v2, controllers: [], mountPoint: mountPoint,
        ownFolder: place?.folder(root: unescape(fields[3]), mountPoint: mountPoint))
    case "cgroup":
      let options = fields[dash + 3].split(separator: ",")
      let controllers = Set(options.compactMap { CgroupController(rawValue: String($0)) })
      guard let any = controllers.first else { return nil }
      let place = places.first { $0.controllers.contains(Substring(any.rawValue)) }
      return CgroupMount(
        version: .v1, controllers: controllers, mountPoint: mountPoint,
        ownFolder: place?.folder(root: unescape(fields[3]), mountPoint: mountPoint))
    default: return nil
    }
  }

  /// The kernel writes space, tab, line feed and backslash as `\040` and the like.
  private static func unescape(_ text: Substring) -> String {
    var bytes: [UInt8] = []
    var rest = text.utf8[...]
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "\\"), let code = UInt8(String(rest.prefix(3)) ?? "", radix: 8) {
        bytes.append(code)
        rest = rest.dropFirst(3)
      } else {
        bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}

/// A line of /proc/self/cgroup: `4:memory:/some/cgroup`, v2's being `0::/some/cgroup`.
private struct Place {
  let isV2: Bool
  let controllers: [Substring]
  let path: String

  init?(_ line: Substring) {
    let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
    guard parts.count == 3, parts[2].first == "/" else { return nil }
    isV2 = parts[0] == "0" && parts[1].isEmpty
    controllers = parts[1].split(separator: ",")
    path = String(parts[2])
  }

  /// `root` is what of the hierarchy is mounted: in a container, its own cgroup.
  func folder(root: String, mountPoint: String) -> String? {
    if path.split(separator: "/").contains("..") { return nil }  // outside our cgroup namespace
    if root == "/" { return path == "/" ? mountPoint : mountPoint + path }
    if path == root { return mountPoint }
    return path.hasPrefix(root + "/") ? mountPoint + path.dropFirst(root.count) : nil
  }
}
