import CLinux
import Glibc
import Reactor

/// Listening TCP ports of this network namespace by NETLINK_SOCK_DIAG: microseconds, no blocking.
struct SocketDiagnostics: ~Copyable {
  private static let portsPerBatch = 512

  private let socket: FileDescriptor

  init() throws(UVError) { socket = try FileDescriptor(xgen_sock_diag_open()) }

  /// Every port that something listens on, at whatever address. After an error the socket may
  /// hold the rest of an answer; it is not to be used again.
  func listeningPorts() throws(UVError) -> Set<UInt16> {
    var ports: Set<UInt16> = []
    try addPorts(AF_INET, to: &ports)
    try addPorts(AF_INET6, to: &ports)
    return ports
  }

  private func addPorts(_ family: Int32, to ports: inout Set<UInt16>) throws(UVError) {
    try check(xgen_sock_diag_request(socket.number, family))
    var isDone = false
    while !isDone {
      var batch = [UInt16](repeating: 0, count: Self.portsPerBatch)
      let count = xgen_sock_diag_read(socket.number, &batch, Int32(batch.count), &isDone)
      try check(count)
      ports.formUnion(batch.prefix(Int(count)))
    }
  }

  private func check(_ status: Int32) throws(UVError) {
    if status < 0 { throw UVError(status) }
  }
}
