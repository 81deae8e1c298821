import Reactor
import XgenProtocol

/// A sidecar that is little more than an echo: the far end of `relay` and other loads, behind a
/// server's static backend or any proxy.
final class SidecarEcho: Command {
  static let name = "sidecar-echo"
  static let summary = "a sidecar that echoes, for --backend static, until SIGTERM or Ctrl-C"
  static let options = [
    CommandOption("--listen", "ADDR", "HOST:PORT or unix:PATH (default 127.0.0.1:9002)")
  ]

  private let address: SocketAddress

  init(_ arguments: Arguments) throws(UsageError) {
    address = try EchoService.address(arguments, default: "127.0.0.1:9002")
  }

  func run() -> Int32 {
    let pattern = EchoPattern(messageBytes: StreamOrder.sizes.upperBound)
    let manners = EchoService.Manners(
      path: "/ws", greeting: EnvelopeHead(.sandboxReady).message(), pattern: pattern
    ) { SidecarSession(pattern) }
    return EchoService(Self.name, at: address, manners).run {
      "listening on \($0), for: xgen-server --backend static --static-sidecar \($0)"
    }
  }
}
