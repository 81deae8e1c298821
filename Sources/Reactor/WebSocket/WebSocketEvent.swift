/// What the decoder found. The bytes are lent until the decoder's next call or the input's next
/// change, whichever comes first; they lie in the input (unmasked in place) or in the decoder.
public enum WebSocketEvent {
  /// The next piece of a message: `opcode` is `.text` or `.binary`, on every piece. Text is
  /// valid UTF-8, but a piece may end within a character. Only a message's last piece may be
  /// empty.
  case messageChunk(WebSocketOpcode, UnsafeRawBufferPointer, isFinal: Bool)
  case ping(UnsafeRawBufferPointer)
  case pong(UnsafeRawBufferPointer)
  /// Whatever follows is dropped (RFC 6455 §5.5.1). No code: the frame had no payload.
  case close(WebSocketCloseCode?, reason: UnsafeRawBufferPointer)
}
