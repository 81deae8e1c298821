extension CgroupRegistry {
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
}
