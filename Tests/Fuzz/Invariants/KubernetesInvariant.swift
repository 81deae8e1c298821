#if canImport(XgenServer)
  @testable import XgenServer
#endif

/// A watch's response says the same whatever its cuttings; an event lies within the bound and has a
/// resourceVersion of some length; a Status of any bytes is an error of one bounded line.
func checkKubernetes(_ input: FuzzInput) throws {
  let whole = try decode(input.bytes, input.whole)
  for ends in input.cuttings {
    try require(decode(input.bytes, ends) == whole, "cut at \(ends): otherwise")
  }
  for code in [0, 200, 403, 409, 429, 500, 599] {
    let status = KubernetesStatus(code: code, body: input.bytes)
    try checkText("\(status.error())")
    try require(status.retryAfterSeconds.map { $0 > 0 } ?? true, "comes back in the past")
  }
}

private struct Decoded: Equatable {
  var events: [KubernetesWatchDecoder.Event] = []
  var error: KubernetesError?
}

private func decode(_ bytes: [UInt8], _ ends: [Int]) throws -> Decoded {
  let most = 256
  var decoder = KubernetesWatchDecoder(maxEventBytes: most)
  var decoded = Decoded()
  var start = 0
  for end in ends {
    withExactBytes(bytes[start..<end]) { decoder.append(UnsafeRawBufferPointer($0)) }
    start = end
    do {
      while let (event, byteCount) = try decoder.next() {
        try require(1...most ~= byteCount, "an event of \(byteCount) bytes")
        try check(event)
        decoded.events.append(event)
      }
    } catch let error as KubernetesError {
      try checkText("\(error)")
      decoded.error = error
      return decoded
    }
  }
  return decoded
}

private func check(_ event: KubernetesWatchDecoder.Event) throws {
  switch event {
  case .changed(let object, let version), .deleted(let object, let version):
    try require(KubernetesObject.isResourceVersion(version), "no version: \(version)")
    try require(KubernetesObject.resourceVersion(object) == version, "another version")
    try require(object["metadata"]?["managedFields"] == nil, "managed fields")
  case .bookmark(let version):
    try require(KubernetesObject.isResourceVersion(version), "no version: \(version)")
  case .error(let error): try checkText("\(error)")
  }
}

private func checkText(_ text: String) throws {
  try require(text.utf8.count <= KubernetesLimits.maxMessageBytes + 100, "a long message")
  try require(!text.utf8.contains { $0 < 0x20 || $0 == 0x7F }, "a control character")
}
