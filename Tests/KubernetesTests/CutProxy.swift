import Reactor

@testable import XgenServer

/// A TCP proxy that can cut all its connections, and be away for a while at the same address.
@LoopActor
final class CutProxy {
  private let upstream: SocketAddress
  private var listener: SocketListener?
  private var halves: [Half] = []
  private(set) var accepted = 0
  /// With the port that the kernel chose at first.
  private(set) var address = SocketAddress.loopback(port: 0)

  init(to upstream: SocketAddress) throws {
    self.upstream = upstream
    try open()
  }

  func open() throws {
    listener = try SocketListener.listen(loop: LoopActor.loop, at: address) {
      [unowned self] stream in
      accepted += 1
      guard let other = try? SocketStream.connect(loop: LoopActor.loop, to: upstream) else {
        return stream.close()
      }
      halves += Half.join(stream, other)
    }
    address = listener?.address ?? address
  }

  func cut() {
    for half in halves { half.stream.close() }
    halves = []
  }

  /// Connections are refused from now on.
  func close() {
    listener?.close()
    listener = nil
    cut()
  }
}

/// One direction's source; what it receives goes to the other.
private final class Half: ByteStreamDelegate {
  let stream: SocketStream
  private var other: SocketStream?

  static func join(_ first: SocketStream, _ second: SocketStream) -> [Half] {
    [Half(first, to: second), Half(second, to: first)]
  }

  private init(_ stream: SocketStream, to other: SocketStream) {
    self.stream = stream
    self.other = other
    stream.delegate = self
    stream.resumeReading()
  }

  func streamDidReceive(_ bytes: UnsafeMutableRawBufferPointer) {
    other?.write(UnsafeRawBufferPointer(bytes))
  }

  func streamDidEnd() { other?.endWriting() }

  func streamDidClose(_ error: StreamError?) {
    other?.close()
    other = nil
  }
}
