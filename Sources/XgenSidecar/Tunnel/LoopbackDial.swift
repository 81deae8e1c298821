import Glibc
import Reactor

/// A connection to a port of this sandbox's loopback: 127.0.0.1 first, then ::1, so that servers
/// bound to one of them, or to every address, are reached.
final class LoopbackDial: ByteStreamDelegate {
  enum Failure: Error, Equatable {
    /// Neither address takes connections.
    case nothingListens
    /// Something may listen, but does not accept.
    case timedOut
    /// No descriptor or memory is left for it here.
    case noRoom
  }

  private let loop: Loop
  private var addresses: ArraySlice<SocketAddress>
  private var completion: ((Result<SocketStream, Failure>) -> Void)?
  private var stream: SocketStream?
  private var timer: Timer?

  /// `completion` runs once, in a later turn, unless the dial is cancelled. The stream is paused;
  /// its new owner sets the delegate.
  init(
    loop: Loop, port: UInt16, timeoutMs: UInt64,
    _ completion: @escaping (Result<SocketStream, Failure>) -> Void
  ) {
    self.loop = loop
    self.completion = completion
    addresses = [.loopback(port: port), .loopback6(port: port)]
    timer = loop.after(ms: timeoutMs) { [self] in end(.failure(.timedOut)) }
    tryNext()
  }

  /// Idempotent.
  func cancel() {
    completion = nil
    end(.failure(.nothingListens))
  }

  private func tryNext() {
    guard let address = addresses.popFirst() else { return endSoon(.nothingListens) }
    do throws(UVError) {
      let stream = try SocketStream.connect(loop: loop, to: address)
      self.stream = stream
      stream.delegate = self
    } catch  where error.isShortage {
      endSoon(.noRoom)
    } catch {
      tryNext()
    }
  }

  func streamDidConnect() {
    guard let stream, completion != nil else { return }
    if stream.isConnectedToItself {
      stream.close()
      return
    }
    self.stream = nil
    stream.delegate = nil
    end(.success(stream))
  }

  func streamDidReceive(_ bytes: UnsafeMutableRawBufferPointer) {}
  func streamDidEnd() {}

  func streamDidClose(_ error: StreamError?) {
    stream = nil
    if completion != nil { tryNext() }
  }

  /// Not within the maker's call.
  private func endSoon(_ failure: Failure) {
    timer?.cancel()
    timer = loop.after(ms: 0) { [self] in end(.failure(failure)) }
  }

  private func end(_ result: Result<SocketStream, Failure>) {
    timer?.cancel()
    timer = nil
    let completion = completion
    self.completion = nil
    stream?.close()
    completion?(result)
  }
}

extension SocketAddress {
  /// `[::1]:port`
  static func loopback6(port: UInt16) -> SocketAddress {
    var address = SIMD16<UInt8>(repeating: 0)
    address[15] = 1
    return .ipv6(address: address, port: port)
  }
}

extension SocketStream {
  /// Where nothing listens, a connect whose own port was drawn to be the very port that it goes to
  /// meets itself (simultaneous open, RFC 9293 §3.5): it would echo.
  var isConnectedToItself: Bool { peerAddress != nil && peerAddress == localAddress }
}

extension UVError {
  /// This process or the host has no room for another socket.
  fileprivate var isShortage: Bool { [-EMFILE, -ENFILE, -ENOBUFS, -ENOMEM].contains(code) }
}
