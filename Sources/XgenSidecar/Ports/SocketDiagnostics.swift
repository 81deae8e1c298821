import CLinux
import Reactor

/// Listening TCP ports of this network namespace by NETLINK_SOCK_DIAG: microseconds, no blocking.
struct SocketDiagnostics: ~Copyable {
  private static let portsPerBatch = 512

  private let socket: FileDescriptor

  init() throws(UVError) { socket = try FileDescriptor(xgen_sock_diag_open()) }

  /// Every port that something listens on, at whatever address, in the kernel's order and once
  /// for each socket. After an error the socket may hold the rest of an answer; it is not to be
  /// used again.
  func listeningPorts() throws(UVError) -> [UInt16] {
    try check(xgen_sock_diag_request(socket.number))
    var ports: [UInt16] = []
    var isDone = false
    while !isDone {
      try withUnsafeTemporaryAllocation(of: UInt16.self, capacity: Self.portsPerBatch) {
        (batch) throws(UVError) in
        let count = xgen_sock_diag_read(
          socket.number, batch.baseAddress!, Int32(batch.count), &isDone)
        try check(count)
        ports.append(contentsOf: batch[..<Int(count)])
      }
    }
    return ports
  }

  private func check(_ status: Int32) throws(UVError) {
    if status < 0 { throw UVError(status) }
  }
}
