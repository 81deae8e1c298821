/// The opening of a connection between server and sidecar over a network, before any HTTP: both show
/// that they hold the sandbox's token, which itself never crosses the wire.
///
/// ```
/// server  ──▶ sidecar   NUL "XGENP01", nonce (32)                       40 bytes
/// sidecar ──▶ server    nonce (32), HMAC(token, "sidecar" ‖ both)       64 bytes
/// server  ──▶ sidecar   HMAC(token, "server" ‖ both)                    32 bytes
/// ```
///
/// `both` is the server's nonce, then the sidecar's. The words keep one end's code from being played
/// back as the other's, fresh nonces keep an old one from being played back at all. So a pod that has
/// got the address of another can't answer for it, and nobody else in the cluster can use a sidecar.
/// What follows is neither encrypted nor authenticated: who can change packets on the way is not
/// kept out.
///
/// Both ends are pure: they say how many bytes they want next, take exactly these, and say what to
/// send. No end ever reads beyond its last byte.
public enum SidecarProof {
  /// Its first byte begins no HTTP request.
  public static let magic: [UInt8] = [0] + Array("XGENP01".utf8)
  public static let nonceBytes = 32
  public static let minTokenBytes = 32
  static let codeBytes = SHA256Sum.byteCount

  public enum Failure: Error, Equatable, Sendable {
    /// Not the opening of this protocol, or of another version.
    case notAnOpening
    /// The peer does not hold the token.
    case wrongCode

    public var text: String {
      switch self {
      case .notAnOpening: "the peer does not open as a server of this version does"
      case .wrongCode: "the peer does not hold the sandbox's token"
      }
    }
  }

  static func code(_ word: String, _ token: [UInt8], _ server: [UInt8], _ sidecar: [UInt8])
    -> [UInt8]
  {
    SHA256Sum.code(for: Array(word.utf8) + server + sidecar, key: token)
  }

  static func sidecarCode(_ token: [UInt8], _ server: [UInt8], _ sidecar: [UInt8]) -> [UInt8] {
    code("sidecar", token, server, sidecar)
  }

  static func serverCode(_ token: [UInt8], _ server: [UInt8], _ sidecar: [UInt8]) -> [UInt8] {
    code("server", token, server, sidecar)
  }
}

/// The server's end.
public struct ServerProof: Sendable {
  private let token: [UInt8]
  private let nonce: [UInt8]
  /// How many bytes it takes next; 0 when it is done.
  public private(set) var wantedByteCount = SidecarProof.nonceBytes + SidecarProof.codeBytes

  /// `nonce`: fresh random bytes.
  public init(token: [UInt8], nonce: [UInt8]) {
    precondition(nonce.count == SidecarProof.nonceBytes, "a nonce has 32 bytes")
    self.token = token
    self.nonce = nonce
  }

  /// What to send first.
  public var hello: [UInt8] { SidecarProof.magic + nonce }

  /// Takes `wantedByteCount` bytes; returns what to send.
  public mutating func receive(_ bytes: [UInt8]) throws(SidecarProof.Failure) -> [UInt8] {
    precondition(bytes.count == wantedByteCount && wantedByteCount > 0, "as many as were wanted")
    let theirs = Array(bytes.prefix(SidecarProof.nonceBytes))
    let expected = SidecarProof.sidecarCode(token, nonce, theirs)
    let shown = Array(bytes.dropFirst(SidecarProof.nonceBytes))
    guard SHA256Sum.isSame(shown, expected) else { throw .wrongCode }
    wantedByteCount = 0
    return SidecarProof.serverCode(token, nonce, theirs)
  }
}

/// The sidecar's end. Who begins otherwise than a server is no server: a kubelet's probe.
public struct SandboxProof: Sendable {
  private enum State: Equatable { case first, hello, code([UInt8]), proven, stranger(UInt8) }

  private let token: [UInt8]
  private let nonce: [UInt8]
  private var state = State.first

  /// `nonce`: fresh random bytes.
  public init(token: [UInt8], nonce: [UInt8]) {
    precondition(nonce.count == SidecarProof.nonceBytes, "a nonce has 32 bytes")
    self.token = token
    self.nonce = nonce
  }

  /// How many bytes it takes next; 0 when it is done.
  public var wantedByteCount: Int {
    switch state {
    case .first: 1
    case .hello: SidecarProof.magic.count - 1 + SidecarProof.nonceBytes
    case .code: SidecarProof.codeBytes
    case .proven, .stranger: 0
    }
  }

  /// The peer holds the token.
  public var isProven: Bool { state == .proven }

  /// The byte that a peer which opens nothing began with: it belongs to what follows.
  public var strangersByte: UInt8? {
    if case .stranger(let byte) = state { byte } else { nil }
  }

  /// Takes `wantedByteCount` bytes; returns what to send.
  public mutating func receive(_ bytes: [UInt8]) throws(SidecarProof.Failure) -> [UInt8] {
    precondition(bytes.count == wantedByteCount && !bytes.isEmpty, "as many as were wanted")
    switch state {
    case .first:
      state = bytes[0] == SidecarProof.magic[0] ? .hello : .stranger(bytes[0])
      return []
    case .hello:
      let magic = SidecarProof.magic.dropFirst()
      guard bytes.starts(with: magic) else { throw .notAnOpening }
      let theirs = Array(bytes.dropFirst(magic.count))
      state = .code(SidecarProof.serverCode(token, theirs, nonce))
      return nonce + SidecarProof.sidecarCode(token, theirs, nonce)
    case .code(let expected):
      guard SHA256Sum.isSame(bytes, expected) else { throw .wrongCode }
      state = .proven
      return []
    case .proven, .stranger: preconditionFailure("it wants no more")
    }
  }
}
