import Glibc

/// Listening TCP ports by /proc/net/tcp and tcp6, where there is no NETLINK_SOCK_DIAG (gVisor).
/// It blocks: for a worker.
enum ProcNetTCP {
  private static let listenState = "0A"

  static func listeningPorts() -> [UInt16] {
    parse(read("/proc/net/tcp")) + parse(read("/proc/net/tcp6"))
  }

  /// `sl local_address rem_address st …`, one line each after the head; addresses are
  /// `HEX:PORT`, and the port is in hexadecimal, too (proc(5)).
  static func parse(_ text: String) -> [UInt16] {
    var ports: [UInt16] = []
    for line in text.split(separator: "\n").dropFirst() {
      let fields = line.split(separator: " ")
      guard fields.count > 3, fields[3] == listenState,
        let port = fields[1].split(separator: ":").last.flatMap({ UInt16($0, radix: 16) })
      else { continue }
      ports.append(port)
    }
    return ports
  }

  private static func read(_ path: String) -> String {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    if file < 0 { return "" }
    defer { close(file) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 16 * 1024)
    while true {
      let count = Glibc.read(file, &chunk, chunk.count)
      if count <= 0 { return String(decoding: bytes, as: UTF8.self) }
      bytes.append(contentsOf: chunk.prefix(count))
    }
  }
}
