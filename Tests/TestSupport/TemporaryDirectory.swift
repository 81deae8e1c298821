internal import Glibc

/// Lends the path of a new, empty directory and removes it with the files in it.
public func withTemporaryDirectory<R>(_ body: (_ path: String) throws -> R) throws -> R {
  var template = Array("/tmp/xgen-test-XXXXXX".utf8CString)
  guard mkdtemp(&template) != nil else { preconditionFailure("mkdtemp: \(errno)") }
  let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  defer { remove(directory: path) }
  return try body(path)
}

private func remove(directory path: String) {
  if let listing = opendir(path) {
    while let entry = readdir(listing) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != "." && name != ".." { unlink("\(path)/\(name)") }
    }
    closedir(listing)
  }
  rmdir(path)
}
