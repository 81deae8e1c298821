internal import CUV
internal import Glibc

/// A failed system or libuv call: the negative errno as libuv returns it.
public struct UVError: Error, Equatable, Sendable, CustomStringConvertible {
  /// Negative errno.
  public let code: Int32

  public init(_ code: Int32) { self.code = code }

  /// The calling thread's errno.
  package static func last() -> UVError { UVError(-errno) }

  public static let connectionReset = UVError(-ECONNRESET)
  public static let connectionRefused = UVError(-ECONNREFUSED)
  public static let timedOut = UVError(-ETIMEDOUT)
  public static let notFound = UVError(-ENOENT)
  public static let noSuchProcess = UVError(-ESRCH)

  public var isNotFound: Bool { code == -ENOENT || code == -ENOTDIR }
  public var isPermission: Bool { code == -EACCES || code == -EPERM }

  /// Short text and symbol, such as `no such file or directory (ENOENT)`.
  public var description: String {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { text in
      uv_strerror_r(code, text.baseAddress, 200)
      let message = String(cString: text.baseAddress!)
      uv_err_name_r(code, text.baseAddress, 64)
      return "\(message) (\(String(cString: text.baseAddress!)))"
    }
  }
}

/// Throws for a negative status of libuv or of CLinux.
@discardableResult
@inline(__always)
func check(_ status: Int32) throws(UVError) -> Int32 {
  if status < 0 { throw UVError(status) }
  return status
}
