public import Reactor

extension TLSStream {
  /// For `HTTPServer.listen`: connections with the context that is given at their accept.
  public static func provider(_ context: @escaping () -> TLSContext) -> HTTPServer.TLSProvider {
    { TLSStream(over: $0, context(), handshakeMs: $1) }
  }
}
