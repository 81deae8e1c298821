/// Remembers, in the data folder, under which cgroups this folder's servers have put sandboxes: a
/// later one may start in another cgroup, and must find what an earlier one left.
///
/// A line each: `v1 memory /sys/fs/cgroup/memory/xgen-0123456789ab`.
enum CgroupRegistry {
  /// How the folders of ours are named that hold those of the sandboxes.
  static let instancePrefix = "xgen-"
  static let maxLines = 256

  static func line(_ folder: CgroupFolder) -> String {
    let controllers = folder.controllers.map(\.rawValue).sorted().joined(separator: ",")
    return "\(folder.version.rawValue) \(controllers) \(folder.path)"
  }

  /// Skips every line that `line` would not have written.
  static func parse(_ text: String) -> [CgroupFolder] {
    text.utf8.split(separator: UInt8(ascii: "\n")).prefix(maxLines).compactMap { folder($0) }
  }

  /// By bytes, as the kernel reads a path: a `/` with an accent behind it is one character.
  private static func folder(_ line: Substring.UTF8View) -> CgroupFolder? {
    let parts = line.split(separator: UInt8(ascii: " "), maxSplits: 2)
    guard parts.count == 3, let version = CgroupVersion(rawValue: String(Substring(parts[0]))),
      parts[2].first == UInt8(ascii: "/")
    else { return nil }
    let names = parts[2].split(separator: UInt8(ascii: "/"))
    guard !names.contains(where: { $0.elementsEqual("..".utf8) }),
      names.last?.starts(with: instancePrefix.utf8) == true
    else { return nil }
    let controllers = parts[1].split(separator: UInt8(ascii: ","))
      .map { CgroupController(rawValue: String(Substring($0))) }
    let known = Set(controllers.compactMap { $0 })
    guard !known.isEmpty, known.count == controllers.count else { return nil }
    return CgroupFolder(
      version: version, controllers: known, path: String(Substring(parts[2])))
  }
}
