import Glibc
import Reactor
import XgenProtocol

/// What the sidecar reads from files at its start, before it serves: the token that a server must
/// hold, and the sandbox's own variables. Neither is in the environment of this process, which other
/// programs may read.
struct SidecarSecrets {
  struct Failure: Error, CustomStringConvertible {
    let description: String
    init(_ path: String, _ problem: String) { description = "\(path): \(problem)" }
  }

  let token: [UInt8]?
  let environment: [String: String]

  private static let maxTokenBytes = 4096

  /// Blocks.
  init(_ configuration: SidecarConfiguration) throws(Failure) {
    token = try configuration.tokenFile.map { path throws(Failure) in
      let token = try Self.read(path, maxBytes: Self.maxTokenBytes)
      guard token.count >= SidecarProof.minTokenBytes else {
        throw Failure(path, "a token has at least \(SidecarProof.minTokenBytes) bytes")
      }
      return token
    }
    guard let path = configuration.environmentFile else {
      environment = [:]
      return
    }
    let block = try Self.read(path, maxBytes: EnvironmentBlock.maxBytes)
    do throws(EnvironmentBlock.Failure) { environment = try EnvironmentBlock.decode(block) } catch {
      throw Failure(path, "not NAME=value, each with a NUL behind it: \(error)")
    }
  }

  private static func read(_ path: String, maxBytes: Int) throws(Failure) -> [UInt8] {
    do throws(UVError) {
      let number = open(path, O_RDONLY | O_CLOEXEC)
      let file = try FileDescriptor(number < 0 ? -errno : number)
      var bytes = [UInt8](repeating: 0, count: maxBytes + 1)
      var count = 0
      while count < bytes.count {
        let got = bytes[count...].withUnsafeMutableBytes {
          Glibc.read(file.number, $0.baseAddress, $0.count)
        }
        if got < 0 { throw UVError(-errno) }
        if got == 0 { break }
        count += got
      }
      if count > maxBytes { throw UVError(-EFBIG) }
      return Array(bytes[..<count])
    } catch {
      throw Failure(path, "\(error)")
    }
  }
}
