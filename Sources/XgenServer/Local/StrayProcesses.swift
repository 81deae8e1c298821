/// Processes of sandboxes that nobody manages, found by their command line.
///
/// A server that is killed between the start of a bubblewrap and the state file that names its
/// processes leaves such ones: the bubblewrap, its child before the exec (the same command line)
/// or after it (then known as the bubblewrap's child), and the pasta of its network.
enum StrayProcesses {
  /// Kills every sandbox of this data folder whose id is chosen. Blocks.
  static func end(under directory: DataDirectory, _ isStray: (_ id: String) -> Bool) {
    for _ in 0..<LocalLimits.sweepPasses {
      let monitors = find(under: directory, isStray)
      if monitors.isEmpty { return }
      for process in children(of: monitors) { process.end() }
      for process in monitors { process.end() }
    }
  }

  private static func find(
    under directory: DataDirectory, _ isStray: (_ id: String) -> Bool
  ) -> [HostProcess] {
    HostProcess.commandLines().compactMap { pid, words in
      let id =
        BubblewrapCommand.sandboxID(ofCommandLine: words, under: directory.sandboxes)
        ?? directory.sandboxID(ofPasta: words.first ?? "")
      guard let id, isStray(id) else { return nil }
      return HostProcess.running(pid)
    }
  }

  private static func children(of processes: [HostProcess]) -> [HostProcess] {
    let parents = Set(processes.map(\.pid))
    return HostFiles.names(in: "/proc").compactMap { name in
      guard let pid = Int32(name), let parent = HostProcess.parent(of: pid),
        parents.contains(parent)
      else { return nil }
      return HostProcess.running(pid)
    }
  }
}
