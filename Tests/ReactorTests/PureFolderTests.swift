import Glibc
import Testing

/// Protocol code is pure (docs/style.md): it parses and writes bytes and knows no socket.
@Suite struct PureFolderTests {
  @Test(arguments: ["Reactor/HTTP1", "Reactor/WebSocket", "XgenProtocol"])
  func pureFoldersImportNeitherCUVNorCOpenSSL(folder: String) throws {
    let sources = swiftFiles(in: sourcesPath() + "/" + folder)
    #expect(sources.count > 5, "is \(folder) still there?")
    for (path, text) in sources {
      let imports = text.split(separator: "\n").filter { line in
        line.split(separator: " ").contains("import")
      }
      for line in imports {
        let words = line.split { " .".contains($0) }
        #expect(!words.contains("CUV") && !words.contains("COpenSSL"), "\(path): \(line)")
      }
    }
  }

  /// What blocks is in one place, whose files say which thread they are for.
  @Test(arguments: [
    ("CCurl", "XgenServer/Kubernetes/Client/Curl"), ("CYAML", "XgenServer/YAML/YAMLEvents"),
  ])
  func aLibraryIsKnownInOnePlace(module: String, place: String) {
    let importing = swiftFiles(in: sourcesPath()).filter { file in
      file.text.split(separator: "\n").contains { $0.hasSuffix("import \(module)") }
    }
    #expect(!importing.isEmpty)
    for (path, _) in importing { #expect(path.contains(place), "\(path)") }
  }

  /// Tests/ReactorTests/PureFolderTests.swift → Sources
  private func sourcesPath(file: String = #filePath) -> String {
    file.split(separator: "/", omittingEmptySubsequences: false).dropLast(3)
      .joined(separator: "/") + "/Sources"
  }

  private func swiftFiles(in path: String) -> [(path: String, text: String)] {
    guard let directory = opendir(path) else { return [] }
    defer { closedir(directory) }
    var found: [(String, String)] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      let full = path + "/" + name
      if name.hasSuffix(".swift") {
        found.append((full, contents(full)))
      } else if !name.hasPrefix("."), entry.pointee.d_type == UInt8(DT_DIR) {
        found += swiftFiles(in: full)
      }
    }
    return found
  }

  private func contents(_ path: String) -> String {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    defer { close(descriptor) }
    var text: [UInt8] = []
    withUnsafeTemporaryAllocation(byteCount: 65536, alignment: 1) { room in
      while case let count = read(descriptor, room.baseAddress, room.count), count > 0 {
        text += room.prefix(count)
      }
    }
    return String(decoding: text, as: UTF8.self)
  }
}
