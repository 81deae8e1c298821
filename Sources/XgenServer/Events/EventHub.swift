internal import Reactor

/// The streams of `GET /api/v1/events`, and the log that they are fed from.
@LoopActor
final class EventHub {
  private var log: EventLog
  private var streams: [ObjectIdentifier: EventStream] = [:]
  private var countByKey: [String: Int] = [:]
  /// One for all streams.
  private var heartbeatTimer: Timer?
  private var isClosed = false

  init(epoch: Int64) { log = EventLog(epoch: epoch) }

  var streamCount: Int { streams.count }

  func publish(_ change: SandboxChange) {
    log.append(change)
    for stream in streams.values { stream.pump(log) }
  }

  // MARK: Streams

  /// Throws where there are too many; to be called before the answer begins.
  func admit(_ caller: Principal) throws(APIError) {
    if isClosed { throw .shuttingDown() }
    if countByKey[caller.name, default: 0] >= EventLimits.maxStreamsPerKey {
      throw .quotaExceeded(
        "\(EventLimits.maxStreamsPerKey) event streams of this key are open already",
        retryAfterSeconds: 5)
    }
    if streams.count >= EventLimits.maxStreams {
      throw .capacityExhausted("\(EventLimits.maxStreams) event streams are open already")
    }
  }

  /// Feeds an exchange whose answer has begun, from what follows `lastID` on (nil: from now on).
  func open(_ exchange: HTTPExchange, for caller: Principal, after lastID: String?) {
    let known = lastID.map { EventID($0).flatMap { log.next(after: $0) } }
    let next = (known ?? nil) ?? log.lastSequence + 1
    let stream = EventStream(exchange, for: caller, next: next)
    if case .some(.none) = known {
      stream.write(EventFrame.reset(log.lastID, reason: "the last event id is not known any more"))
    } else if lastID == nil {
      stream.write(EventFrame.position(log.lastID))
    }
    add(stream)
    exchange.onDrain = { [weak self, weak stream] in if let self { stream?.pump(log) } }
    exchange.onDisconnect = { [weak self, weak stream] in if let stream { self?.end(stream) } }
    stream.pump(log)
  }

  private func add(_ stream: EventStream) {
    streams[ObjectIdentifier(stream)] = stream
    countByKey[stream.caller.name, default: 0] += 1
    if heartbeatTimer != nil { return }
    heartbeatTimer = LoopActor.loop.every(ms: EventLimits.heartbeatMs) { [unowned self] in
      heartbeat()
    }
  }

  func heartbeat() {
    for stream in streams.values { stream.heartbeat(log) }
  }

  private func end(_ stream: EventStream) {
    guard streams.removeValue(forKey: ObjectIdentifier(stream)) != nil else { return }
    let left = countByKey[stream.caller.name, default: 1] - 1
    countByKey[stream.caller.name] = left > 0 ? left : nil
    stream.end()
    if streams.isEmpty {
      heartbeatTimer?.cancel()
      heartbeatTimer = nil
    }
  }

  /// Ends the streams of the callers that `isCut` names; returns how many.
  func endStreams(where isCut: (Principal) -> Bool) -> Int {
    let cut = streams.values.filter { isCut($0.caller) }
    for stream in cut { end(stream) }
    return cut.count
  }

  /// Ends every stream; no other one is let in.
  func close() {
    isClosed = true
    _ = endStreams { _ in true }
  }
}
