/// Work for the server that can be put on and taken off: what is open stays open in between.
///
/// ```
/// prepare ─ loadIsReady ─▶ begin … startCounting … stopCounting … pause ─ loadDidSettle ─▶
///   begin again, or close ─ loadDidEnd
/// ```
/// A load that can't go on, or not even begin, says `loadDidEnd` unasked.
protocol Load: AnyObject {
  /// Set before `prepare`.
  var owner: (any LoadOwner)? { get set }
  /// Of what was counted last; the first one's name says what is done, such as `round_trip`.
  var latencies: [Latency] { get }
  /// Of its preparation: `12 of 64 connected`.
  var progress: String { get }

  func prepare(_ run: Run)
  func begin()
  /// What completes from now on counts; what was counted before is forgotten.
  func startCounting()
  func stopCounting()
  /// Begins nothing more.
  func pause()
  func close()
  /// Drops everything now.
  func interrupt()
}

/// Who puts a load on and takes it off.
protocol LoadOwner: AnyObject {
  func loadIsReady()
  /// After `pause`: all that was under way is done.
  func loadDidSettle()
  /// The last call, exactly once.
  func loadDidEnd()
}
