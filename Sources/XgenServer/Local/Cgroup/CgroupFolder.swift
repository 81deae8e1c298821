/// One cgroup: a folder of a mounted hierarchy.
struct CgroupFolder: Sendable, Equatable {
  let version: CgroupVersion
  /// Those of the hierarchy that we use.
  let controllers: Set<CgroupController>
  let path: String

  func child(_ name: String) -> CgroupFolder {
    CgroupFolder(version: version, controllers: controllers, path: path + "/" + name)
  }

  /// `oom_kill 3` among other lines.
  static func memoryKills(_ text: String) -> UInt64? {
    for line in text.utf8.split(separator: UInt8(ascii: "\n")) {
      let words = line.split(separator: UInt8(ascii: " "))
      if words.count == 2, words[0].elementsEqual("oom_kill".utf8) {
        return UInt64(Substring(words[1]))
      }
    }
    return nil
  }
}
