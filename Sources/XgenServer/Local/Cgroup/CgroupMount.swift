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
  ///
  /// By bytes, as the kernel means them: to Swift, a `/` with an accent behind it is one character,
  /// and a line's end behind a carriage return is none.
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

  private static func lines(_ bytes: [UInt8]) -> [ArraySlice<UInt8>] {
    bytes.split(separator: UInt8(ascii: "\n"))
  }

  private static func mount(_ line: ArraySlice<UInt8>, _ places: [Place]) -> CgroupMount? {
    let fields = line.split(separator: UInt8(ascii: " "))
    guard let dash = fields.firstIndex(of: [UInt8(ascii: "-")]), dash >= 6,
      fields.count > dash + 3
    else { return nil }
    let (root, mountPoint) = (unescape(fields[3]), unescape(fields[4]))
    guard mountPoint.first == slash else { return nil }
    switch String(decoding: fields[dash + 1], as: UTF8.self) {
    case "cgroup2":
      let place = places.first { $0.isV2 }
      return CgroupMount(
        version: .v2, controllers: [], mountPoint: String(decoding: mountPoint, as: UTF8.self),
        ownFolder: place?.folder(root: root, mountPoint: mountPoint))
    case "cgroup":
      let controllers = CgroupController.set(fields[dash + 3])
      if controllers.isEmpty { return nil }
      // A hierarchy's controllers are in it together.
      let place = places.first { !$0.controllers.isDisjoint(with: controllers) }
      return CgroupMount(
        version: .v1, controllers: controllers,
        mountPoint: String(decoding: mountPoint, as: UTF8.self),
        ownFolder: place?.folder(root: root, mountPoint: mountPoint))
    default: return nil
    }
  }

  /// The kernel writes space, tab, line feed and backslash as `\040` and the like.
  private static func unescape(_ text: ArraySlice<UInt8>) -> [UInt8] {
    var bytes: [UInt8] = []
    var rest = text
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "\\"), let code = octal(rest.prefix(3)) {
        bytes.append(code)
        rest = rest.dropFirst(3)
      } else {
        bytes.append(byte)
      }
    }
    return bytes
  }

  /// Nil unless it is three digits and one byte.
  private static func octal(_ digits: ArraySlice<UInt8>) -> UInt8? {
    let isNumber = digits.count == 3 && digits.allSatisfy { (0x30...0x37).contains($0) }
    return isNumber ? UInt8(String(decoding: digits, as: UTF8.self), radix: 8) : nil
  }
}

private let slash = UInt8(ascii: "/")

extension CgroupController {
  /// Those of `cpu,memory` and the like that we use.
  fileprivate static func set(_ names: ArraySlice<UInt8>) -> Set<CgroupController> {
    Set(
      names.split(separator: UInt8(ascii: ","))
        .compactMap { CgroupController(rawValue: String(decoding: $0, as: UTF8.self)) })
  }
}

/// A line of /proc/self/cgroup: `4:memory:/some/cgroup`, v2's being `0::/some/cgroup`.
private struct Place {
  let isV2: Bool
  let controllers: Set<CgroupController>
  let path: ArraySlice<UInt8>

  init?(_ line: ArraySlice<UInt8>) {
    let parts = line.split(
      separator: UInt8(ascii: ":"), maxSplits: 2, omittingEmptySubsequences: false)
    guard parts.count == 3, parts[2].first == slash else { return nil }
    isV2 = parts[0] == [UInt8(ascii: "0")] && parts[1].isEmpty
    controllers = CgroupController.set(parts[1])
    path = parts[2]
  }

  /// `root` is what of the hierarchy is mounted: in a container, its own cgroup.
  func folder(root: [UInt8], mountPoint: [UInt8]) -> String? {
    // Outside our cgroup namespace.
    if path.split(separator: slash).contains(Array("..".utf8)[...]) { return nil }
    let below: ArraySlice<UInt8>
    if root == [slash] {
      below = path == [slash] ? [] : path
    } else if path.starts(with: root), [nil, slash].contains(path.dropFirst(root.count).first) {
      below = path.dropFirst(root.count)
    } else {
      return nil
    }
    return String(decoding: mountPoint + below, as: UTF8.self)
  }
}
