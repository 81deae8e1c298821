#if canImport(TestSupport)
  import TestSupport
#endif
#if canImport(Reactor)
  @testable import Reactor
#endif

/// Any cutting gives the same body, end and refusal, without memory of its own; any bytes, sent
/// in any chunks, are read back the same.
func checkChunked(_ input: FuzzInput) throws {
  let whole = try ChunkedTranscript(input.bytes, input.whole)
  for ends in input.cuttings {
    let other = try ChunkedTranscript(input.bytes, ends)
    try require(whole == other, "cut at \(ends): \(whole) != \(other)")
  }
  try require(whole.body.count <= whole.consumed, "more data than bytes")
  if whole.isOver {
    try require(
      input.bytes[..<whole.consumed].suffix(2).elementsEqual([0x0D, 0x0A]), "the end is no line")
    try checkWrittenAgain(whole.body, input)
  }
  try checkWrittenAgain(input.bytes, input)
}

private func checkWrittenAgain(_ body: [UInt8], _ input: FuzzInput) throws {
  var random = SplitMix64(seed: input.seed)
  var buffer = ByteBuffer()
  var start = 0
  while start < body.count {
    let end = min(body.count, start + Int.random(in: 1...64, using: &random))
    withExactBytes(body[start..<end]) {
      HTTPEncoder.chunk(UnsafeRawBufferPointer($0), into: &buffer)
    }
    start = end
  }
  HTTPEncoder.lastChunk(into: &buffer)
  let written = buffer.withReadable { Array($0) }
  let again = try ChunkedTranscript(written, [written.count])
  try require(
    again.isOver && again.body == body && again.consumed == written.count, "read back otherwise")
}

private struct ChunkedTranscript: Equatable {
  var body: [UInt8] = []
  /// Not told with an error, which may be found in a piece whose front is good.
  var consumed = 0
  var isOver = false
  var error: HTTPParseError?

  init(_ bytes: [UInt8], _ ends: [Int]) throws {
    var decoder = ChunkedDecoder()
    for end in ends where error == nil {
      while consumed < end, !isOver, error == nil {
        try withExactBytes(bytes[consumed..<end]) { piece in
          do {
            try take(try decoder.decode(UnsafeRawBufferPointer(piece)), piece)
          } catch let refusal as HTTPParseError {
            error = refusal
          }
        }
      }
    }
    if error != nil { consumed = body.count }
  }

  private mutating func take(
    _ step: ChunkedDecoder.Step, _ piece: UnsafeMutableRawBufferPointer
  ) throws {
    switch step {
    case .data(let range):
      try require(!range.isEmpty && range.upperBound <= piece.count, "data outside of the bytes")
      body += piece[range]
      consumed += range.upperBound
    case .needMore(let count):
      try require(count == piece.count, "bytes were left over")
      consumed += count
    case .end(let count):
      try require(count <= piece.count, "an end outside of the bytes")
      consumed += count
      isOver = true
    }
  }
}
