internal import Reactor
internal import TestSupport
public import Testing
internal import XgenServer

/// A test waited in vain; the issue that tells where is recorded already.
public struct WaitedInVain: Error {
  public init() {}
}

/// Asks again and again until there is a value; fails the test if there never is one.
@LoopActor
public func eventualValue<Value>(
  _ what: String, sourceLocation: SourceLocation = #_sourceLocation,
  _ find: @LoopActor () async throws -> Value?
) async throws -> Value {
  let deadline = LoopActor.loop.nowMs + testDeadlineMs
  while LoopActor.loop.nowMs < deadline {
    if let value = try await find() { return value }
    await turns(1)
  }
  Issue.record("waited in vain: \(what)", sourceLocation: sourceLocation)
  throw WaitedInVain()
}

/// Waits until the condition holds; fails the test if it never does.
@LoopActor
public func eventually(
  _ what: String, sourceLocation: SourceLocation = #_sourceLocation,
  _ condition: @LoopActor () async throws -> Bool
) async throws {
  let _: Void = try await eventualValue(what, sourceLocation: sourceLocation) {
    try await condition() ? () : nil
  }
}

/// Lets the loop turn so many times, enough for what is ready to be done.
@LoopActor
public func turns(_ count: Int) async {
  for _ in 0..<count {
    await withCheckedContinuation { next in LoopActor.loop.after(ms: 2) { next.resume() } }
  }
}
