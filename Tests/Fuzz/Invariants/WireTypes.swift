#if canImport(XgenProtocol)
  @testable import XgenProtocol
#endif

/// Every payload type of the protocol, requests and replies.
let wireTypes: [any (WirePayload & SendableMetatype).Type] = [
  ErrorPayload.self, SandboxError.self, SandboxStats.self, PortOpen.self, PortClose.self,
  ExecStart.self, ExecStdin.self, ExecStdinClose.self, ExecSignal.self, ExecResize.self,
  ExecAck.self, ExecExit.self, ExecAttach.self, ExecAttachAck.self, ExecList.self,
  ExecListReply.self, FsRead.self, FsWrite.self, FsList.self, FsListReply.self, FsRemove.self,
  FsWatch.self, FsEvent.self,
]

/// What is accepted is written as a payload that is read back the same, and that is not larger
/// than its fields and their two spellings account for.
func checkPayload(_ type: any WirePayload.Type, _ bytes: some Collection<UInt8>) throws {
  let written = withExactBytes(bytes) { try? type.decode(UnsafeRawBufferPointer($0)).encode() }
  guard let written else { return }
  // An entry of `FsList` is at least 23 bytes and is written with 55 for its names alone.
  try require(written.count <= 4 * bytes.count + 64, "\(type): written larger than it came")
  let again = withExactBytes(written) { try? type.decode(UnsafeRawBufferPointer($0)).encode() }
  try require(again == written, "\(type): read back otherwise")
}
