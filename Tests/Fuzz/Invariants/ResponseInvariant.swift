#if canImport(Reactor)
  @testable import Reactor
#endif

/// Any cutting of a stream gives the same heads and the same refusal, a second reader sees the
/// same fields and length in what is accepted, and written again it is read back the same.
func checkResponse(_ input: FuzzInput) throws {
  for method in [HTTPMethod.get, .head, .connect] {
    try check(input, method, HTTPLimits(), input.cuttings)
  }
  try check(input, .get, .tight, Array(input.cuttings.prefix(1)))
}

private func check(
  _ input: FuzzInput, _ method: HTTPMethod, _ limits: HTTPLimits, _ cuttings: [[Int]]
) throws {
  let whole = ResponseTranscript(input.bytes, input.whole, method, limits)
  for ends in cuttings {
    let other = ResponseTranscript(input.bytes, ends, method, limits)
    try require(whole == other, "cut at \(ends): \(whole) != \(other)")
  }
  var start = 0
  for event in whole.heads {
    let bytes = event.head.withBytes { Array($0) }
    let given = input.bytes[start..<start + event.consumed]
    try require(given == bytes[...], "other bytes than given")
    try checkAccepted(event.head, bytes)
    if method == .get { try checkWrittenAgain(event.head) }
    start += event.consumed
  }
}

private func checkAccepted(_ head: HTTPResponseHead, _ bytes: [UInt8]) throws {
  try HeadOracle(bytes).check(head.headers, head.framing, isResponse: true)
  try require((100...999).contains(head.status), "status \(head.status)")
  let isBodiless = head.status < 200 || head.status == 204 || head.status == 304
  try require(!isBodiless || head.framing == .none, "a body where none can be")
  try require(head.framing != .untilClose || !head.keepAlive, "kept alive behind a last body")
  try require(!head.isUpgrade || head.status == 101, "an upgrade without 101")
}

/// Our version and reason go into its place. Of an interim response we say nothing about the
/// connection, and a 1.0 that became 1.1 says more.
private func checkWrittenAgain(_ head: HTTPResponseHead) throws {
  let fields = try plainFields(head.headers)
  var buffer = ByteBuffer()
  HTTPEncoder.responseHead(
    head.status, fields: fields, framing: head.framing, keepAlive: head.keepAlive, into: &buffer)
  var parser = HTTPResponseParser(limits: .wide)
  let count = buffer.count
  let parsed = try buffer.withReadable { bytes in
    try withExactBytes(bytes) { try parser.parse(UnsafeRawBufferPointer($0), to: .get) }
  }
  let again = try require(parsed, "what was written has no end")
  try require(again.consumed == count, "what was written is two")
  try require(
    again.head.status == head.status && again.head.framing == head.framing,
    "read back as another response")
  if head.status >= 200 || head.version == .http11 {
    try require(again.head.keepAlive == head.keepAlive, "read back with another end")
  }
  try require(
    try plainFields(again.head.headers).starts(with: fields), "read back with other fields")
}

private struct ResponseTranscript: Equatable, CustomStringConvertible {
  var heads: [(head: HTTPResponseHead, consumed: Int)] = []
  var error: HTTPParseError?
  var isMidHead = false

  init(_ bytes: [UInt8], _ ends: [Int], _ method: HTTPMethod, _ limits: HTTPLimits) {
    var parser = HTTPResponseParser(limits: limits)
    var start = 0
    do {
      for end in ends {
        while let parsed = try withExactBytes(
          bytes[start..<end], { try parser.parse(UnsafeRawBufferPointer($0), to: method) })
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

  static func == (left: ResponseTranscript, right: ResponseTranscript) -> Bool {
    left.error == right.error && left.heads.count == right.heads.count
      && (left.error != nil || left.isMidHead == right.isMidHead)
      && zip(left.heads, right.heads).allSatisfy { left, right in
        left.consumed == right.consumed
          && left.head.withBytes(Array.init) == right.head.withBytes(Array.init)
          && isSame(left.head, right.head)
      }
  }

  private static func isSame(_ left: HTTPResponseHead, _ right: HTTPResponseHead) -> Bool {
    left.version == right.version && left.status == right.status && left.reason == right.reason
      && left.framing == right.framing && left.keepAlive == right.keepAlive
      && left.isUpgrade == right.isUpgrade
  }

  private static func describe(_ head: HTTPResponseHead) -> String {
    "\(head.version) \(head.status) \(head.reason) \(head.framing) \(head.keepAlive) "
      + "\(head.isUpgrade)"
  }

  var description: String {
    "\(heads.map { "\($0.consumed): \(Self.describe($0.head))" }) \(String(describing: error))"
  }
}
