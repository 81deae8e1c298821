import Glibc
import Reactor
import XgenProtocol

/// The door of a sidecar that listens on a network: who proves to hold the sandbox's token is
/// served; anybody else is shown whether the sidecar is alive, and nothing else.
///
/// Connections that have not proved anything are few and short-lived: the oldest goes when there is
/// one too many, so that nobody in the cluster can keep the server out by opening and waiting.
final class ProofGate {
  private let sidecar: Sidecar
  private let token: [UInt8]
  private let proven: HTTPServer
  private let strangers: HTTPServer
  private var listener: SocketListener?
  /// Oldest first.
  private var waiting: [Visitor] = []

  /// `proven` serves those with the token, `strangers` the others.
  init(_ sidecar: Sidecar, token: [UInt8], proven: HTTPServer, strangers: HTTPServer) {
    self.sidecar = sidecar
    self.token = token
    self.proven = proven
    self.strangers = strangers
  }

  var waitingCount: Int { waiting.count }

  func listen(at address: SocketAddress) throws(UVError) -> SocketAddress {
    let made = try SocketListener.listen(loop: sidecar.loop, at: address) { [unowned self] in
      accept($0)
    }
    listener = made
    return made.address
  }

  private func accept(_ stream: SocketStream) {
    if waiting.count >= sidecar.limits.openingsAtOnce { waiting[0].close() }
    let proof = SandboxProof(token: token, nonce: Self.nonce())
    let visitor = Visitor(stream, proof, timeoutMs: sidecar.limits.openingMs)
    waiting.append(visitor)
    visitor.onEnd = { [unowned self] visitor in waiting.removeAll { $0 === visitor } }
    visitor.onOpen = { [unowned self] proof in
      let server = proof.isProven ? proven : strangers
      server.serve(stream, firstBytes: proof.strangersByte.map { [$0] } ?? [])
    }
  }

  private static func nonce() -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: SidecarProof.nonceBytes) { room, count in
      let status = getentropy(room.baseAddress, room.count)
      precondition(status == 0, "the kernel gave no random bytes")
      count = room.count
    }
  }

  func close() {
    listener?.close()
    listener = nil
    for visitor in waiting { visitor.close() }
  }
}

/// One who has come in and not said who it is.
private final class Visitor: ByteStreamDelegate {
  private let stream: SocketStream
  private let opening: SandboxOpening
  private var timer: Timer?
  /// Called at most once, before `onEnd`: the stream is the callee's.
  var onOpen: ((SandboxProof) -> Void)?
  /// Called once.
  var onEnd: ((Visitor) -> Void)?

  init(_ stream: SocketStream, _ proof: SandboxProof, timeoutMs: UInt64) {
    self.stream = stream
    opening = SandboxOpening(proof)
    stream.delegate = self
    stream.open(by: opening)
    timer = stream.loop.after(ms: timeoutMs) { [unowned self] in close() }
  }

  func streamDidConnect() {
    let open = onOpen
    stream.delegate = nil
    end()
    open?(opening.proof)
  }

  func close() {
    end()
    stream.close()
  }

  func streamDidReceive(_ bytes: UnsafeMutableRawBufferPointer) {}
  func streamDidEnd() {}
  func streamDidClose(_ error: StreamError?) { end() }

  private func end() {
    timer?.cancel()
    timer = nil
    onOpen = nil
    let ended = onEnd
    onEnd = nil
    ended?(self)
  }
}

/// The sidecar's end of the proof as a stream's opening.
final class SandboxOpening: StreamOpening {
  private(set) var proof: SandboxProof
  let firstBytes: [UInt8] = []

  init(_ proof: SandboxProof) { self.proof = proof }

  var wantedByteCount: Int { proof.wantedByteCount }

  func receive(_ bytes: [UInt8]) throws(StreamOpeningFailure) -> [UInt8] {
    do throws(SidecarProof.Failure) { return try proof.receive(bytes) } catch {
      throw StreamOpeningFailure(error.text)
    }
  }
}
