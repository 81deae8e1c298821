public import Reactor
public import Testing

/// How long a test waits for anything before it fails, in milliseconds: far beyond what it takes,
/// also under a sanitizer on a busy machine.
public let testDeadlineMs: UInt64 = 30_000

extension Loop {
  /// Turns the loop until the condition holds, and fails the test if it never does.
  public func run(
    until condition: () -> Bool, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    var isLate = false
    let deadline = after(ms: testDeadlineMs) { isLate = true }
    while !condition() && !isLate { runOnce() }
    deadline.cancel()
    if isLate { Issue.record("waited in vain", sourceLocation: sourceLocation) }
  }

  /// Runs until nothing is left that could call back, and fails the test if something stays.
  public func runToEnd(sourceLocation: SourceLocation = #_sourceLocation) {
    let deadline = every(ms: testDeadlineMs) { [unowned self] in
      Issue.record("the loop does not end", sourceLocation: sourceLocation)
      stop()
    }
    run()
    deadline.cancel()
  }

  /// One turn that does not wait.
  public func turn() {
    after(ms: 0) {}
    runOnce()
  }

  /// So many turns that do not wait: enough for what is ready to be done.
  public func turns(_ count: Int) {
    for _ in 0..<count { turn() }
  }
}
