import Reactor

/// One of the connections that a `ConnectionLoad` is made of.
protocol LoadConnection: AnyObject {
  /// Open, with nothing under way.
  var isReady: Bool { get }

  func connect(_ loop: Loop)
  /// Works until `pause`.
  func begin()
  /// Begins nothing more; says `connectionDidSettle` once what is under way is done.
  func pause()
  /// Closes in good order.
  func finish()
  /// The run's patience is over: ends, with an error that says what was awaited.
  func giveUp()
  /// Ends without a word.
  func abort()
}

/// Who owns such connections.
protocol LoadConnectionOwner: AnyObject {
  func connectionDidBecomeReady()
  /// Something is done that began then.
  func connectionDidComplete(sinceNs: UInt64, nowNs: UInt64)
  func connectionDidSettle()
  /// The last call, exactly once; nil when all went well.
  func connectionDidEnd(_ failure: APIFailure?)
}
