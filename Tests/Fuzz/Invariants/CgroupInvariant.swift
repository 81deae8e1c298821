#if canImport(XgenServer)
  @testable import XgenServer
#endif

/// The input's parts between NULs are mountinfo, cgroup and a third file: our own folders lie below
/// their mounts, also where a naive reader of bytes looks; any mount point is read back from the
/// kernel's spelling of it; the registry's lines are read back as they were written; the counters
/// and the start of a process are numbers that stand there.
func checkCgroup(_ input: FuzzInput) throws {
  let parts = input.bytes.split(separator: 0, maxSplits: 2, omittingEmptySubsequences: false)
    .map { Array($0) }
  let membership = parts.count > 1 ? parts[1] : []
  let mounts = CgroupMount.parse(mountinfo: parts[0], membership: membership)
  for mount in mounts { try checkMount(mount) }
  try require(
    mounts.count <= 1 + 1 << CgroupController.allCases.count, "a hierarchy twice: \(mounts)")
  try checkMountPoint(membership)
  let last = parts[parts.count - 1]
  try checkRegistry(String(decoding: last, as: UTF8.self))
  try checkKills(last)
  try checkProcess(last)
}

private func checkMount(_ mount: CgroupMount) throws {
  try require(mount.controllers.isEmpty == (mount.version == .v2), "\(mount)")
  try require(mount.mountPoint.utf8.first == 0x2F, "no path: \(mount)")
  guard let folder = mount.ownFolder else { return }
  let below = folder.utf8.dropFirst(mount.mountPoint.utf8.count)
  try require(folder.utf8.starts(with: mount.mountPoint.utf8), "elsewhere: \(mount)")
  try require(below.isEmpty || below.first == 0x2F, "beside its mount: \(mount)")
  try require(
    !below.split(separator: 0x2F).contains { $0.elementsEqual("..".utf8) }, "above: \(mount)")
  try require(!below.contains(0x0A), "of two lines: \(mount)")
}

/// Any bytes as a mount point, and below it the cgroup that they name.
private func checkMountPoint(_ bytes: [UInt8]) throws {
  let mountPoint = "/" + String(decoding: bytes.filter { $0 != 0 }, as: UTF8.self)
  let line = "1 1 0:1 /r " + escaped(mountPoint) + " rw - cgroup2 x rw"
  let found = CgroupMount.parse(
    mountinfo: Array("\(line)\n".utf8), membership: Array("0::/r/a\n".utf8))
  try require(
    found == [
      CgroupMount(
        version: .v2, controllers: [], mountPoint: mountPoint, ownFolder: mountPoint + "/a")
    ], "\(mountPoint) became \(found)")
}

/// As the kernel does (seq_path).
private func escaped(_ path: String) -> String {
  let bytes = path.utf8.flatMap { byte -> [UInt8] in
    guard " \t\n\\".utf8.contains(byte) else { return [byte] }
    return Array("\\".utf8) + [byte >> 6, byte >> 3 & 7, byte & 7].map { 0x30 + $0 }
  }
  return String(decoding: bytes, as: UTF8.self)
}

private func checkRegistry(_ text: String) throws {
  let folders = CgroupRegistry.parse(text)
  try require(folders.count <= CgroupRegistry.maxLines, "\(folders.count) folders")
  for folder in folders {
    let line = CgroupRegistry.line(folder)
    try require(CgroupRegistry.parse(line + "\n") == [folder], "read back otherwise: \(line)")
    let names = folder.path.utf8.split(separator: 0x2F)
    try require(
      folder.path.utf8.first == 0x2F && names.last!.starts(with: "xgen-".utf8)
        && !names.contains { $0.elementsEqual("..".utf8) }, "not one of ours: \(folder.path)")
  }
}

/// The number stands behind the word, in a line of two.
private func checkKills(_ bytes: [UInt8]) throws {
  let found = CgroupFolder.memoryKills(String(decoding: bytes, as: UTF8.self))
  let line = bytes.split(separator: 0x0A).map { $0.split(separator: 0x20) }
    .first { $0.count == 2 && $0[0].elementsEqual("oom_kill".utf8) }
  let expected = line.flatMap { UInt64(String(decoding: $0[1], as: UTF8.self)) }
  try require(found == expected, "\(String(describing: found)) kills")
}

/// Whatever the program is called.
private func checkProcess(_ bytes: [UInt8]) throws {
  let fields = "R 1" + String(repeating: " 0", count: 17) + " 4711 0 0\n"
  let made = HostProcess(pid: 7, stat: Array("7 (".utf8) + bytes + Array(") \(fields)".utf8))
  try require(made?.startTicks == 4711, "another start: \(String(describing: made))")
  guard let found = HostProcess(pid: 7, stat: bytes) else { return }
  let words = bytes.split { $0 == 0x20 || $0 == 0x29 }
  try require(
    words.contains { UInt64(String(decoding: $0, as: UTF8.self)) == found.startTicks },
    "out of nowhere: \(found)")
}
