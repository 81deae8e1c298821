#if canImport(XgenProtocol)
  @testable import XgenProtocol
#endif

/// A message is a head of nine bytes and a payload that, put together, are the message; a payload
/// of a known type survives its decoders; a client's path stays in the workspace.
func checkEnvelope(_ input: FuzzInput) throws {
  try check(input.bytes[...])
  guard input.isThorough else { return }
  for end in input.bytes.indices { try check(input.bytes[..<end]) }
}

private func check(_ message: ArraySlice<UInt8>) throws {
  try withExactBytes(message) { exact in
    let bytes = UnsafeRawBufferPointer(exact)
    guard let head = EnvelopeHead.parse(bytes) else {
      return try require(bytes.count < EnvelopeHead.byteCount, "a whole head was not read")
    }
    let payload = EnvelopeHead.payload(of: bytes)
    try require(payload.count == bytes.count - EnvelopeHead.byteCount, "not all of the payload")
    try require(head.message(Array(payload)).elementsEqual(bytes), "written otherwise than read")
    try withExactBytes(repeatElement(0, count: EnvelopeHead.byteCount)) { room in
      head.write(into: room)
      try require(room.elementsEqual(bytes.prefix(EnvelopeHead.byteCount)), "another head")
    }
    for type in wireTypes where type.type == head.messageType {
      try checkPayload(type, payload)
      if let path = path(type, payload) { try checkPath(path) }
    }
  }
}

private func path(_ type: any WirePayload.Type, _ payload: UnsafeRawBufferPointer) -> String? {
  guard let value = try? type.decode(payload) else { return nil }
  switch value {
  case let value as FsRead: return value.path
  case let value as FsWrite: return value.path
  case let value as FsList: return value.path
  case let value as FsRemove: return value.path
  case let value as FsWatch: return value.path
  case let value as ExecStart: return value.cwd
  default: return nil
  }
}

private func checkPath(_ path: String) throws {
  guard let relative = try? WorkspacePath.relative(path) else { return }
  let components = relative.utf8.split(separator: 0x2F, omittingEmptySubsequences: false)
  let isClean = components.allSatisfy { component in
    !component.isEmpty && !component.elementsEqual(".".utf8) && !component.elementsEqual("..".utf8)
      && component.count <= WireLimits.maxPathComponentBytes
  }
  try require(relative.isEmpty || isClean, "a path may leave the workspace: \(relative)")
  try require(!relative.utf8.contains(0), "a NUL in a path")
  let again = try? WorkspacePath.relative(relative)
  try require(again?.utf8.elementsEqual(relative.utf8) == true, "resolved twice: \(relative)")
}
