extension HTTPClientExchange {
  public typealias Completion = (Result<HTTPClientResponse, HTTPClientError>) -> Void

  /// Sets the callbacks so that the response is collected, up to the request's
  /// `maxResponseBytes`. The completion runs once, unless it is cancelled before.
  public func collect(_ completion: @escaping Completion) {
    let limit = request.maxResponseBytes
    var head: HTTPResponseHead?
    var body: [UInt8] = []
    onHead = { [unowned self] in
      head = $0
      if case .length(let count) = $0.framing, count > UInt64(limit) { fail(completion) }
    }
    onBody = { [unowned self] piece in
      if piece.count > limit - body.count { return fail(completion) }
      body.append(contentsOf: piece)
    }
    onEnd = { error in
      if let error { return completion(.failure(error)) }
      guard let head else { return completion(.failure(.closed)) }
      completion(.success(HTTPClientResponse(head: head, body: body)))
    }
  }

  private func fail(_ completion: Completion) {
    cancel()
    completion(.failure(.bodyTooLarge))
  }
}

extension HTTPClientRequest {
  /// Sends it over a stream of its own, which is closed afterwards, and collects the response.
  @discardableResult
  public func send(
    over stream: any ByteStream, _ completion: @escaping HTTPClientExchange.Completion
  ) -> HTTPClientExchange {
    let exchange = HTTPClientExchange(self)
    exchange.collect(completion)
    exchange.start(over: stream)
    return exchange
  }
}
