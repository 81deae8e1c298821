/// Takes one message's body out of a connection's bytes, whatever its framing.
struct HTTPBodyReader {
  private enum Framing {
    case length(UInt64)
    case chunked(ChunkedDecoder)
    case untilClose
  }

  private var framing: Framing
  private(set) var isComplete: Bool

  init(_ framing: HTTPBodyFraming) {
    isComplete = framing.isEmpty
    switch framing {
    case .none: self.framing = .length(0)
    case .length(let count): self.framing = .length(count)
    case .chunked: self.framing = .chunked(ChunkedDecoder())
    case .untilClose: self.framing = .untilClose
    }
  }

  /// Whether the end is known to be that near.
  func remainingAtMost(_ byteCount: UInt64) -> Bool {
    switch framing {
    case .length(let rest): rest <= byteCount
    case .chunked, .untilClose: false
    }
  }

  /// Reads a piece: how many bytes were used up, and the data among them.
  mutating func read(
    _ bytes: UnsafeRawBufferPointer
  ) throws(HTTPParseError) -> (used: Int, data: UnsafeRawBufferPointer?) {
    switch framing {
    case .length(let rest):
      let count = Int(min(rest, UInt64(bytes.count)))
      framing = .length(rest - UInt64(count))
      isComplete = rest == UInt64(count)
      return (count, UnsafeRawBufferPointer(rebasing: bytes[..<count]))
    case .chunked(var decoder):
      let step = try decoder.decode(bytes)
      framing = .chunked(decoder)
      switch step {
      case .data(let range):
        return (range.upperBound, UnsafeRawBufferPointer(rebasing: bytes[range]))
      case .needMore(let consumed): return (consumed, nil)
      case .end(let consumed):
        isComplete = true
        return (consumed, nil)
      }
    case .untilClose:
      return (bytes.count, bytes)
    }
  }

  /// The connection has ended: whether the body has, too.
  mutating func streamDidEnd() -> Bool {
    if case .untilClose = framing { isComplete = true }
    return isComplete
  }
}
