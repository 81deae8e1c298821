import CLinux
import Glibc
import Reactor

/// One open file of this process; closed with its owner.
struct FileDescriptor: ~Copyable {
  let number: Int32

  /// Takes over a descriptor, or throws what a call of CLinux returned instead of one.
  init(_ status: Int32) throws(UVError) {
    if status < 0 { throw UVError(status) }
    number = status
  }

  deinit { Glibc.close(number) }

  /// A nameless file in memory that holds `bytes`, to be read from its start.
  static func memory(_ name: String, _ bytes: [UInt8]) throws(UVError) -> FileDescriptor {
    try FileDescriptor(bytes.withUnsafeBytes { xgen_memfd_of(name, $0.baseAddress, $0.count) })
  }

  /// Hands the descriptor over; the caller closes it.
  consuming func release() -> Int32 {
    let number = number
    discard self
    return number
  }
}
