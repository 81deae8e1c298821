import Glibc
import Reactor
import ReactorTLS
import Testing

/// Certificates of an authority of our own, made by the `openssl` program once per process.
struct TLSFixture: Sendable {
  enum Key: String, Sendable, CaseIterable { case ecdsa, rsa }

  static let shared = TLSFixture()

  let folder: String

  /// `NAME.pem` is a chain, `NAME.key` its key, for localhost and 127.0.0.1: ecdsa, rsa, and
  /// renewed, which is called so.
  private static let script = """
    set -e
    printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\\n' > extensions
    openssl ecparam -name prime256v1 -genkey -noout -out ca.key
    openssl req -x509 -new -key ca.key -subj '/CN=test authority' -days 2 -out ca.pem
    openssl ecparam -name prime256v1 -genkey -noout -out ecdsa.key
    openssl ecparam -name prime256v1 -genkey -noout -out renewed.key
    openssl genrsa -out rsa.key 2048
    for name in ecdsa rsa renewed; do
      openssl req -new -key $name.key -subj "/CN=$name" -out $name.csr
      openssl x509 -req -in $name.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 \
        -extfile extensions -out $name.crt
      cat $name.crt ca.pem > $name.pem
    done
    openssl ec -in ecdsa.key -aes256 -passout pass:secret -out encrypted.key
    """

  private init() {
    var template = Array("/tmp/xgen-tls-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { preconditionFailure("mkdtemp: \(errno)") }
    folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    let status = system("cd \(folder) && (\(Self.script)) >openssl.log 2>&1")
    precondition(status == 0, "openssl failed; see \(folder)/openssl.log")
    atexit { system("rm -rf '\(TLSFixture.shared.folder)'") }
  }

  func path(_ name: String) -> String { "\(folder)/\(name)" }

  func files(_ name: String) -> TLSFiles {
    TLSFiles(certificate: path(name + ".pem"), key: path(name + ".key"))
  }

  func server(_ key: Key = .ecdsa) throws -> TLSContext {
    try TLSContext(server: files(key.rawValue))
  }

  /// A client that trusts the authority.
  func client(_ change: (inout TLSClientOptions) -> Void = { _ in }) throws -> TLSContext {
    var options = TLSClientOptions()
    options.authoritiesFile = path("ca.pem")
    change(&options)
    return try TLSContext(client: options)
  }

  func client(only version: TLSVersion) throws -> TLSContext {
    try client { $0.versions = version...version }
  }
}

/// A client's and a server's engine, whose ciphertext the test carries between them.
final class TLSPair {
  /// One end, with all it has received.
  final class End {
    let engine: TLSEngine
    private(set) var bytes: [UInt8] = []
    private(set) var hasEnded = false

    init(_ engine: TLSEngine) { self.engine = engine }

    func feed(_ ciphertext: ArraySlice<UInt8>) throws {
      try ciphertext.withUnsafeBytes { bytes in
        try engine.withInput(bytes) {
          if try engine.handshake() { try readAll() }
        }
      }
    }

    func readAll(room: Int = 16 * 1024) throws {
      var buffer = [UInt8](repeating: 0, count: room)
      while true {
        let result = try buffer.withUnsafeMutableBytes { bytes in
          try engine.read(into: bytes)
        }
        switch result {
        case .bytes(let count): bytes += buffer[..<count]
        case .needsInput: return
        case .ended:
          hasEnded = true
          return
        }
      }
    }

    func write(_ bytes: [UInt8]) throws {
      try bytes.withUnsafeBytes { bytes in try engine.write(bytes) }
    }

    func output() -> [UInt8] {
      var taken: [UInt8] = []
      engine.takeOutput { taken = [UInt8]($0) }
      return taken
    }
  }

  let client: End
  let server: End
  /// Cuts a flight into what arrives together.
  var cut: ([UInt8]) -> [ArraySlice<UInt8>] = { [$0[...]] }
  private(set) var longestFlight = 0

  init(
    client: TLSContext, server: TLSContext, serverName: String? = "localhost",
    resuming session: TLSSession? = nil
  ) {
    self.client = End(TLSEngine(client, serverName: serverName, resuming: session))
    self.server = End(TLSEngine(server))
  }

  convenience init(_ key: TLSFixture.Key = .ecdsa, _ version: TLSVersion = .tls13) throws {
    let fixture = TLSFixture.shared
    self.init(client: try fixture.client(only: version), server: try fixture.server(key))
  }

  func handshake() throws {
    _ = try client.engine.handshake()
    try exchange()
  }

  /// Carries flights until both are silent.
  func exchange() throws {
    while client.engine.hasOutput || server.engine.hasOutput {
      try carry(from: client, to: server)
      try carry(from: server, to: client)
    }
  }

  func carry(from a: End, to b: End) throws {
    let flight = a.output()
    longestFlight = max(longestFlight, flight.count)
    for piece in cut(flight) where !piece.isEmpty { try b.feed(piece) }
  }

  /// Whether both are open and bytes pass both ways.
  func passesBytes() throws -> Bool {
    guard client.engine.state == .open, server.engine.state == .open else { return false }
    try client.write([1, 2, 3])
    try server.write([4, 5])
    try exchange()
    return client.bytes == [4, 5] && server.bytes == [1, 2, 3]
  }
}
