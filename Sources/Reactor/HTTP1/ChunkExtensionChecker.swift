/// Checks a chunk's extensions byte by byte and keeps nothing of them (RFC 9112 §7.1.1): a
/// reader that stops at other bytes than we do would see another body.
///
/// ```
/// chunk-ext = *( BWS ";" BWS token [ BWS "=" BWS ( token / quoted-string ) ] )
/// ```
struct ChunkExtensionChecker: Sendable {
  private enum State {
    case semicolon, nameStart, name, nameEnd, valueStart, value, quoted, escaped, quoteEnd
  }

  private var state = State.semicolon
  private var byteCount = 0

  /// Whether the extensions may end here.
  var mayEnd: Bool { state == .name || state == .value || state == .quoteEnd }

  /// Takes a byte that does not end the line.
  mutating func read(_ byte: UInt8) throws(HTTPParseError) {
    byteCount += 1
    guard byteCount <= ChunkedDecoder.maxExtensionBytes else { throw .chunkExtensionTooLong }
    guard let next = Self.next(state, byte) else { throw .invalidChunkExtension }
    state = next
  }

  /// The state behind the byte; nil if it can't stand there.
  private static func next(_ state: State, _ byte: UInt8) -> State? {
    let isBlank = ASCII.isBlank(byte)
    let isToken = ByteSet.token.contains(byte)
    switch state {
    case .semicolon: return isBlank ? .semicolon : separator(byte)
    case .nameStart: return isBlank ? .nameStart : isToken ? .name : nil
    case .name: return isToken ? .name : isBlank ? .nameEnd : equals(byte) ?? separator(byte)
    case .nameEnd: return isBlank ? .nameEnd : equals(byte) ?? separator(byte)
    case .valueStart:
      if byte == ASCII.quote { return .quoted }
      return isBlank ? .valueStart : isToken ? .value : nil
    case .value: return isToken ? .value : isBlank ? .semicolon : separator(byte)
    case .quoted:
      if byte == ASCII.quote { return .quoteEnd }
      if byte == ASCII.backslash { return .escaped }
      return ASCII.isFieldText(byte) ? .quoted : nil
    case .escaped: return ASCII.isFieldText(byte) ? .quoted : nil
    case .quoteEnd: return isBlank ? .semicolon : separator(byte)
    }
  }

  private static func separator(_ byte: UInt8) -> State? {
    byte == ASCII.semicolon ? .nameStart : nil
  }

  private static func equals(_ byte: UInt8) -> State? { byte == ASCII.equals ? .valueStart : nil }
}
