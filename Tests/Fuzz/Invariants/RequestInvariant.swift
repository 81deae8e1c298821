#if canImport(Reactor)
  @testable import Reactor
#endif

/// Any cutting of a stream gives the same heads and the same refusal, a second reader sees the
/// same fields and length in what is accepted, and written again it is read back the same.
func checkRequest(_ input: FuzzInput) throws {
  for limits in [HTTPLimits(), .tight] {
    let whole = RequestTranscript(input.bytes, input.whole, limits)
    for ends in input.cuttings {
      let other = RequestTranscript(input.bytes, ends, limits)
      try require(whole == other, "cut at \(ends): \(whole) != \(other)")
    }
    var start = 0
    for event in whole.heads {
      let end = start + event.consumed
      let bytes = event.head.withBytes { Array($0) }
      try require(input.bytes[..<end].suffix(bytes.count) == bytes[...], "other bytes than given")
      let skipped = event.consumed - bytes.count
      try require(skipped == 0 || skipped == 2, "\(skipped) bytes are in no head")
      try checkAccepted(event.head, bytes, limits)
      try checkWrittenAgain(event.head)
      start = end
    }
  }
}

private func checkAccepted(
  _ head: HTTPRequestHead, _ bytes: [UInt8], _ limits: HTTPLimits
) throws {
  let oracle = try HeadOracle(bytes)
  try oracle.check(head.headers, head.framing, isResponse: false)
  try require(head.framing != .untilClose, "a request's body ends with its connection")
  let hosts = oracle.values("host").count
  try require(head.version == .http11 ? hosts == 1 : hosts <= 1, "\(hosts) Hosts")
  try require(head.authority == nil || head.host != nil, "an authority that is no host")
  let minor = try require(oracle.startLine.last, "no start line")
  try require(
    oracle.startLine.dropLast().elementsEqual("\(head.method.name) \(head.target) HTTP/1.".utf8)
      && (0x30...0x39).contains(minor) && (minor == 0x30) == (head.version == .http10),
    "another start line")
  try require(
    bytes.count <= limits.maxHeadBytes && head.headers.count <= limits.maxHeaderCount
      && head.target.utf8.count <= limits.maxTargetBytes, "a limit was passed")
  if let target = try? head.decodedTarget() {
    try require(!target.segments.contains { $0 == "." || $0 == ".." }, "a dot segment is left")
    try require(target.segments.count <= HTTPTarget.maxSegments, "too many segments")
  }
}

/// HTTP/1.0 is written as 1.1, in which Expect and the default of Connection mean something else.
private func checkWrittenAgain(_ head: HTTPRequestHead) throws {
  guard head.version == .http11, let authority = head.authority else { return }
  let fields = try plainFields(head.headers)
  var buffer = ByteBuffer()
  try HTTPEncoder.requestHead(
    head.method, target: head.target, host: authority, fields: fields, framing: head.framing,
    keepAlive: head.keepAlive, into: &buffer)
  var parser = HTTPRequestParser(limits: .wide)
  let count = buffer.count
  let parsed = try buffer.withReadable { bytes in
    try withExactBytes(bytes) { try parser.parse(UnsafeRawBufferPointer($0)) }
  }
  let again = try require(parsed, "what was written has no end")
  try require(again.consumed == count, "what was written is two")
  try require(
    again.head.method == head.method && again.head.target == head.target
      && again.head.framing == head.framing && again.head.keepAlive == head.keepAlive
      && again.head.expectsContinue == head.expectsContinue
      && again.head.asksUpgrade == head.asksUpgrade && again.head.host == head.host,
    "read back as another request")
  try require(
    try plainFields(again.head.headers).starts(with: fields), "read back with other fields")
}

private struct RequestTranscript: Equatable, CustomStringConvertible {
  var heads: [(head: HTTPRequestHead, consumed: Int)] = []
  var error: HTTPParseError?
  var isMidHead = false

  /// Feeds the stream as a connection does; bodies are taken for the next head.
  init(_ bytes: [UInt8], _ ends: [Int], _ limits: HTTPLimits) {
    var parser = HTTPRequestParser(limits: limits)
    var start = 0
    do {
      for end in ends {
        while let parsed = try withExactBytes(
          bytes[start..<end], { try parser.parse(UnsafeRawBufferPointer($0)) })
        {
          heads.append((parsed.head, parsed.consumed))
          start += parsed.consumed
        }
      }
    } catch {
      self.error = error as? HTTPParseError
    }
    isMidHead = parser.isMidHead
  }

  static func == (left: RequestTranscript, right: RequestTranscript) -> Bool {
    left.error == right.error && left.heads.count == right.heads.count
      && (left.error != nil || left.isMidHead == right.isMidHead)
      && zip(left.heads, right.heads).allSatisfy { left, right in
        left.consumed == right.consumed
          && left.head.withBytes(Array.init) == right.head.withBytes(Array.init)
          && isSame(left.head, right.head)
      }
  }

  private static func isSame(_ left: HTTPRequestHead, _ right: HTTPRequestHead) -> Bool {
    left.framing == right.framing && left.keepAlive == right.keepAlive
      && left.expectsContinue == right.expectsContinue && left.asksUpgrade == right.asksUpgrade
      && left.version == right.version && left.targetForm == right.targetForm
      && left.path == right.path && left.query == right.query
      && left.authority == right.authority && left.upgradeProtocols == right.upgradeProtocols
  }

  private static func describe(_ head: HTTPRequestHead) -> String {
    "\(head.method.name) \(head.target) \(head.version) \(head.framing) \(head.keepAlive) "
      + "\(head.expectsContinue) \(head.asksUpgrade)"
  }

  var description: String {
    "\(heads.map { "\($0.consumed): \(Self.describe($0.head))" }) \(String(describing: error))"
  }
}
