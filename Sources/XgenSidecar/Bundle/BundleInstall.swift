import CLinux
import Glibc
import Reactor

/// `xgen-sidecar install DIR`: copies this program with all that it needs to start anywhere: in any
/// container image, whatever libc that has or has not.
///
/// ```
/// DIR/xgen-sidecar     the program
/// DIR/ld.so            its loader
/// DIR/lib/NAME         its libraries, by the names under which the loader looks for them
/// ```
///
/// It is then started as `DIR/ld.so --library-path DIR/lib DIR/xgen-sidecar serve …`. What to copy
/// the loader itself tells (dl_iterate_phdr): nothing is guessed. It blocks; nothing else runs.
enum BundleInstall {
  struct Failure: Error, CustomStringConvertible {
    let path: String
    let cause: String
    var description: String { "\(path): \(cause)" }

    init(_ path: String, _ cause: String) {
      self.path = path
      self.cause = cause
    }

    static func last(_ path: String) -> Failure { Failure(path, "\(UVError(-errno))") }
  }

  struct File: Equatable {
    let source: String
    /// Below the bundle's folder.
    let target: String
  }

  static let program = "xgen-sidecar"
  static let loader = "ld.so"
  static let libraries = "lib"
  private static let maxNameBytes = 64 * 1024

  static func run(into folder: String) throws(Failure) {
    let files = try files(
      program: try program(executable: try executable(), argument: CommandLine.arguments[0]),
      loaded: try loadedFiles())
    try makeFolder(folder)
    try makeFolder("\(folder)/\(libraries)")
    for file in files { try copy(file.source, to: "\(folder)/\(file.target)") }
  }

  /// What goes where. The first of `loaded` is the program itself, which has no name there.
  static func files(program source: String, loaded: [String]) throws(Failure) -> [File] {
    var files = [File(source: source, target: program)]
    for path in loaded.dropFirst() {
      let target = isLoader(path) ? loader : "\(libraries)/\(name(path))"
      files.append(File(source: path, target: target))
    }
    guard files.contains(where: { $0.target == loader }) else {
      throw Failure(files[0].source, "has no loader: it is linked statically")
    }
    return files
  }

  /// The file that is this program. Where the loader was started with the program as its argument,
  /// what the kernel knows as executable is the loader, and the argument is the program's path.
  static func program(executable: String, argument: String) throws(Failure) -> String {
    guard isLoader(executable) else { return executable }
    guard argument.contains("/") else { throw Failure(argument, "is no path of this program") }
    return argument
  }

  private static func executable() throws(Failure) -> String {
    let link = "/proc/self/exe"
    var path = [CChar](repeating: 0, count: Int(PATH_MAX))
    let count = readlink(link, &path, path.count)
    if count < 0 { throw .last(link) }
    return String(decoding: path[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  private static func name(_ path: String) -> String {
    String(path.split(separator: "/").last ?? "")
  }

  private static func isLoader(_ path: String) -> Bool {
    name(path).hasPrefix("ld-") || name(path) == loader
  }

  private static func loadedFiles() throws(Failure) -> [String] {
    var names = [CChar](repeating: 0, count: maxNameBytes)
    let count = xgen_loaded_files(&names, names.count)
    if count < 0 { throw Failure("loaded files", "\(UVError(Int32(count)))") }
    return names[..<count].split(separator: 0, omittingEmptySubsequences: false).dropLast().map {
      String(decoding: $0.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
  }

  private static func makeFolder(_ path: String) throws(Failure) {
    if mkdir(path, 0o755) < 0 && errno != EEXIST { throw .last(path) }
  }

  /// Under a temporary name first: a container that is started again finds whole files or none.
  private static func copy(_ source: String, to target: String) throws(Failure) {
    let temporary = target + ".new"
    do throws(UVError) {
      let from = try FileDescriptor(result(open(source, O_RDONLY | O_CLOEXEC)))
      let flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC
      let to = try FileDescriptor(result(open(temporary, flags, 0o755)))
      try copy(from.number, to.number)
      _ = try result(fchmod(to.number, 0o555))
      _ = try result(rename(temporary, target))
    } catch {
      throw Failure("\(source) to \(target)", "\(error)")
    }
  }

  private static func copy(_ from: Int32, _ to: Int32) throws(UVError) {
    var piece = [UInt8](repeating: 0, count: 256 * 1024)
    while true {
      let count = read(from, &piece, piece.count)
      if count < 0 { throw UVError(-errno) }
      if count == 0 { return }
      var written = 0
      while written < count {
        let step = piece[written..<count].withUnsafeBytes { write(to, $0.baseAddress, $0.count) }
        if step < 0 { throw UVError(-errno) }
        written += step
      }
    }
  }

  private static func result(_ status: Int32) throws(UVError) -> Int32 {
    if status < 0 { throw UVError(-errno) }
    return status
  }
}
