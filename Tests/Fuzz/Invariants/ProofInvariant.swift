#if canImport(XgenProtocol)
  import XgenProtocol
#endif

/// No bytes but a server's own convince a sidecar, however they are cut; it never wants more than it
/// says. An environment that can be read is written back as one that is read the same.
func checkProof(_ input: FuzzInput) throws {
  let token = [UInt8](repeating: 7, count: 32)
  let nonce = [UInt8](repeating: 9, count: 32)
  var sidecar = SandboxProof(token: token, nonce: nonce)
  var rest = input.bytes[...]
  var sent = 0
  do throws(SidecarProof.Failure) {
    while sidecar.wantedByteCount > 0, rest.count >= sidecar.wantedByteCount {
      let piece = Array(rest.prefix(sidecar.wantedByteCount))
      rest = rest.dropFirst(piece.count)
      sent += try sidecar.receive(piece).count
    }
  } catch {
    try require(error == .wrongCode || error == .notAnOpening, "\(error)")
  }
  try require(!sidecar.isProven, "proven by \(input.bytes)")
  try require(sent == 0 || sent == 64, "\(sent) bytes to a stranger")
  var server = ServerProof(token: token, nonce: nonce)
  if input.bytes.count >= server.wantedByteCount {
    let answer = Array(input.bytes.prefix(server.wantedByteCount))
    try require((try? server.receive(answer)) == nil, "a sidecar of \(answer)")
  }
  if let variables = try? EnvironmentBlock.decode(input.bytes) {
    let again = try EnvironmentBlock.decode(EnvironmentBlock.encode(variables))
    try require(again == variables, "\(variables) became \(again)")
  }
}
