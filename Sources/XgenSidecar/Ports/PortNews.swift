import XgenProtocol

/// What a session's client was told of ports.
struct PortNews {
  private var told: Set<UInt16> = []

  /// What has changed since, both in ascending order; the client is told with that.
  mutating func take(_ open: [UInt16]) -> (closed: [UInt16], opened: [UInt16]) {
    let now = Set(open)
    defer { told = now }
    return (told.subtracting(now).sorted(), now.subtracting(told).sorted())
  }
}

extension Session {
  /// Tells the client what has changed. One that does not read is told after the drain, and then
  /// only of what is still true: a port that opens and closes on and on fills no queue.
  func tellOfPorts() {
    guard let transport, !transport.isCongested else { return }
    let (closed, opened) = ports.take(sidecar.ports.openPorts)
    for port in closed { transport.send(PortClose(port: port)) }
    for port in opened { transport.send(PortOpen(port: port)) }
  }
}
