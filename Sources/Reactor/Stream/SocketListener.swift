internal import CLinux
internal import Glibc

/// Accepts connections on a TCP or Unix socket.
///
/// When no descriptor is left (EMFILE), a spare one is given up to accept and drop the waiting
/// connection, so that the loop neither spins nor leaves peers hanging.
public final class SocketListener {
  public let loop: Loop
  /// The address that was bound; for port 0 the one the kernel chose.
  public let address: SocketAddress
  private let descriptor: Int32
  private var spare: Int32
  private var poll: Poll?
  private var onAccept: ((SocketStream) -> Void)?
  public private(set) var isPaused = false

  /// Binds and listens. A Unix socket's path must not exist.
  public static func listen(
    loop: Loop, at address: SocketAddress, _ onAccept: @escaping (SocketStream) -> Void
  ) throws(UVError) -> SocketListener {
    let descriptor = try bindAndListen(address)
    let bound = SocketAddress.local(of: descriptor) ?? address
    return try SocketListener(
      loop: loop, adopting: descriptor, address: bound, onAccept)
  }

  /// A listening descriptor for another process: close-on-exec, blocking state as made.
  public static func bindAndListen(_ address: SocketAddress) throws(UVError) -> Int32 {
    let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
    let descriptor = socket(address.family, kind, 0)
    if descriptor < 0 { throw .last() }
    var on: Int32 = 1
    var off: Int32 = 0
    let size = socklen_t(MemoryLayout<Int32>.size)
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, size)
    if case .ipv6(let host, _) = address {
      // `:port` serves both families; a named IPv6 address only itself.
      let isAny = host == SIMD16(repeating: 0)
      if isAny {
        setsockopt(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY, &off, size)
      } else {
        setsockopt(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY, &on, size)
      }
    }
    let status = address.withSockaddr { bind(descriptor, $0, $1) }
    if status != 0 || Glibc.listen(descriptor, StreamLimits.listenBacklog) < 0 {
      let error = status == nil ? UVError(-ENAMETOOLONG) : UVError.last()
      Glibc.close(descriptor)
      throw error
    }
    return descriptor
  }

  /// Takes over a descriptor that listens already, such as one inherited.
  public init(
    loop: Loop, adopting descriptor: Int32, address: SocketAddress,
    _ onAccept: @escaping (SocketStream) -> Void
  ) throws(UVError) {
    self.loop = loop
    self.address = address
    self.descriptor = descriptor
    self.onAccept = onAccept
    spare = open("/dev/null", O_RDONLY | O_CLOEXEC)
    xgen_set_cloexec(descriptor)
    xgen_set_nonblocking(descriptor, true)
    Self.setKeepAlive(descriptor)
    do {
      poll = try Poll(loop: loop, descriptor: descriptor) { [self] _, _ in acceptSome() }
    } catch {
      Glibc.close(descriptor)
      Glibc.close(spare)
      throw error
    }
    poll?.watch(.readable)
  }

  /// What it accepts inherits these (tcp(7)), so that peers that vanished without a word are
  /// found; protocols that are idle by right, such as WebSockets, have no deadline for it. No
  /// effect on a Unix socket.
  private static func setKeepAlive(_ descriptor: Int32) {
    let size = socklen_t(MemoryLayout<Int32>.size)
    var on: Int32 = 1
    setsockopt(descriptor, SOL_SOCKET, SO_KEEPALIVE, &on, size)
    var options = [
      (TCP_KEEPIDLE, StreamLimits.keepAliveIdleSeconds),
      (TCP_KEEPINTVL, StreamLimits.keepAliveIntervalSeconds),
      (TCP_KEEPCNT, StreamLimits.keepAliveProbes),
    ]
    for index in options.indices {
      setsockopt(descriptor, Int32(IPPROTO_TCP), options[index].0, &options[index].1, size)
    }
  }

  /// Leaves new connections in the kernel's queue.
  public func pause() {
    isPaused = true
    poll?.watch([])
  }

  public func resume() {
    isPaused = false
    poll?.watch(.readable)
  }

  private func acceptSome() {
    for _ in 0..<StreamLimits.acceptsPerTurn {
      if isPaused || onAccept == nil { return }
      let accepted = xgen_accept(descriptor, nil, nil)
      if accepted >= 0 {
        take(accepted)
      } else if accepted == -EMFILE || accepted == -ENFILE {
        dropOne()
      } else if accepted != -ECONNABORTED && accepted != -EINTR {
        return
      }
    }
  }

  private func take(_ accepted: Int32) {
    SocketStream.setNoDelay(accepted)
    guard let stream = try? SocketStream(loop: loop, descriptor: accepted) else { return }
    onAccept?(stream)
  }

  private func dropOne() {
    if spare < 0 { return pauseForDescriptors() }
    Glibc.close(spare)
    let accepted = xgen_accept(descriptor, nil, nil)
    if accepted >= 0 { Glibc.close(accepted) }
    spare = open("/dev/null", O_RDONLY | O_CLOEXEC)
    if spare < 0 { pauseForDescriptors() }
  }

  private func pauseForDescriptors() {
    pause()
    loop.after(ms: 100) { [weak self] in
      guard let self, onAccept != nil else { return }
      if spare < 0 { spare = open("/dev/null", O_RDONLY | O_CLOEXEC) }
      resume()
    }
  }

  /// Idempotent.
  public func close() {
    if onAccept == nil { return }
    onAccept = nil
    let descriptor = descriptor
    let spare = spare
    poll?.cancel {
      Glibc.close(descriptor)
      if spare >= 0 { Glibc.close(spare) }
    }
    poll = nil
  }
}

extension SocketStream {
  /// Connects; `streamDidConnect` or `streamDidClose` follows. What is written before waits.
  ///
  /// `eagerly`: where the kernel is done with it at once, as on this host, the stream is connected
  /// on return (`isConnecting` is false), writes go out, and `streamDidConnect` does not follow.
  public static func connect(
    loop: Loop, to address: SocketAddress, eagerly: Bool = false
  ) throws(UVError) -> SocketStream {
    let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
    let descriptor = socket(address.family, kind, 0)
    if descriptor < 0 { throw .last() }
    let status = address.withSockaddr { Glibc.connect(descriptor, $0, $1) }
    guard let status, status == 0 || errno == EINPROGRESS else {
      let error = status == nil ? UVError(-ENAMETOOLONG) : UVError.last()
      Glibc.close(descriptor)
      throw error
    }
    if address.port != nil { setNoDelay(descriptor) }
    let isDone = eagerly && (status == 0 || address.isLoopback && isWritable(descriptor))
    return try SocketStream(loop: loop, descriptor: descriptor, isConnecting: !isDone)
  }

  /// Over loopback the handshake takes place within connect(2), though that says EINPROGRESS; an
  /// event of the poll would tell a turn later, for two more changes of what is polled.
  private static func isWritable(_ descriptor: Int32) -> Bool {
    var asked = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
    return poll(&asked, 1, 0) == 1 && asked.revents == Int16(POLLOUT)
  }

  static func setNoDelay(_ descriptor: Int32) {
    var on: Int32 = 1
    setsockopt(
      descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
  }

  /// A connected pair of Unix sockets, for tests and for processes that talk to each other.
  public static func pair(loop: Loop) throws(UVError) -> (SocketStream, SocketStream) {
    var ends: [Int32] = [0, 0]
    let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
    if socketpair(AF_UNIX, kind, 0, &ends) < 0 { throw .last() }
    let first = try SocketStream(loop: loop, descriptor: ends[0])
    return (first, try SocketStream(loop: loop, descriptor: ends[1]))
  }
}
