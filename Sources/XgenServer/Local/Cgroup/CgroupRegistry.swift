/// Remembers, in the data folder, under which cgroups this folder's servers have put sandboxes: a
/// later one may start in another cgroup, and must find what an earlier one left.
///
/// A line each: `v1 memory /sys/fs/cgroup/memory/xgen-0123456789ab`.
enum CgroupRegistry {
  private static let maxLines = 256

  /// Those that are still there. Blocks.
  static func load(_ directory: DataDirectory) -> [CgroupFolder] {
    guard let bytes = try? HostFiles.read(directory.cgroups, limit: LocalLimits.maxProcBytes)
    else { return [] }
    return parse(String(decoding: bytes, as: UTF8.self)).filter { $0.isCgroup }
  }

  /// Blocks.
  static func save(_ folders: [CgroupFolder], in directory: DataDirectory) throws(LocalError) {
    let text = folders.prefix(maxLines).map { line($0) + "\n" }.joined()
    try HostFiles.replace(directory.cgroups, Array(text.utf8), mode: 0o600, durable: false)
  }

  static func line(_ folder: CgroupFolder) -> String {
    let controllers = folder.controllers.map(\.rawValue).sorted().joined(separator: ",")
    return "\(folder.version.rawValue) \(controllers) \(folder.path)"
  }

  /// Skips every line that `line` would not have written.
  static func parse(_ text: String) -> [CgroupFolder] {
    text.split(separator: "\n").prefix(maxLines).compactMap { line in
      let parts = line.split(separator: " ", maxSplits: 2)
      guard parts.count == 3, let version = CgroupVersion(rawValue: String(parts[0])),
        parts[2].hasPrefix("/"), !parts[2].contains("/../"),
        parts[2].split(separator: "/").last?.hasPrefix(Cgroups.instancePrefix) == true
      else { return nil }
      let names = parts[1].split(separator: ",").map { CgroupController(rawValue: String($0)) }
      let controllers = Set(names.compactMap { $0 })
      guard controllers.count == names.count else { return nil }
      return CgroupFolder(version: version, controllers: controllers, path: String(parts[2]))
    }
  }
}
