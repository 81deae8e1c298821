internal import Glibc

/// The copy of `xgen-sidecar` that sandboxes run: its original may lie in a checkout under a home
/// that no other user can enter.
enum SidecarProgram {
  private static let prefix = "xgen-sidecar-"

  /// Copies the program if its like is not there yet, and removes others: a running sandbox keeps
  /// the file that it has mounted. Returns the copy's path. Blocks.
  static func install(from source: String, in directory: DataDirectory) throws(LocalError) -> String
  {
    guard access(source, X_OK) == 0 else {
      throw .program("the sidecar \(source) is not there or can't be executed")
    }
    let bytes = try HostFiles.read(source, limit: LocalLimits.maxSidecarBytes)
    let name = prefix + hex(SHA256.hash(bytes).prefix(8))
    let copy = directory.bin + "/" + name
    if try !isCurrent(copy, bytes) {
      try HostFiles.replace(copy, bytes, mode: 0o755, durable: false)
    }
    for other in HostFiles.names(in: directory.bin) where other != name {
      unlink(directory.bin + "/" + other)
    }
    return copy
  }

  /// A crash may have left a copy without its bytes.
  private static func isCurrent(_ copy: String, _ bytes: [UInt8]) throws(LocalError) -> Bool {
    guard access(copy, X_OK) == 0 else { return false }
    return try HostFiles.read(copy, limit: LocalLimits.maxSidecarBytes) == bytes
  }

  private static func hex(_ bytes: some Sequence<UInt8>) -> String {
    let digits = Array("0123456789abcdef".utf8)
    let text = bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
    return String(decoding: text, as: UTF8.self)
  }
}
