internal import XgenProtocol

/// A sidecar's listing of a folder.
enum FileListing {
  /// The entries; nil for a listing that can't be one.
  static func entries(_ body: [UInt8]) -> [FsEntry]? {
    body.withUnsafeBytes { bytes in
      var reader = MessagePackReader(bytes)
      guard let count = try? reader.readArrayHeader(), count <= WireLimits.maxListedEntries,
        let entries = try? FsListReply.decode(bytes).entries, entries.allSatisfy(isPossible)
      else { return nil }
      return entries
    }
  }

  /// Names are one component; a byte that is no UTF-8 has become three.
  private static func isPossible(_ entry: FsEntry) -> Bool {
    let name = entry.name.utf8
    return (1...3 * WireLimits.maxPathComponentBytes).contains(name.count)
      && !name.contains(0) && !name.contains(UInt8(ascii: "/"))
      && entry.name != "." && entry.name != ".." && entry.size <= UInt64(Int64.max)
  }
}

extension JSONWriter {
  /// An entry in both spellings, as in the wire protocol.
  mutating func fileEntry(_ entry: FsEntry) {
    beginObject()
    key("name")
    string(entry.name)
    key("size")
    int(entry.size)
    for name in ["isDir", "is_dir"] {
      key(name)
      bool(entry.isDirectory)
    }
    for name in ["modTime", "mod_time"] {
      key(name)
      int(entry.modifiedAt)
    }
    endObject()
  }
}
