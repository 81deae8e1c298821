internal import Synchronization

/// The connections that requests share: each worker takes one and gives it back.
///
/// How many are in use at once is bounded by the worker pool's threads, how many are kept idle by
/// `KubernetesLimits.maxIdleConnections`.
final class KubernetesConnections: Sendable {
  private final class Slot: Sendable {
    let kept = Mutex<CurlConnection?>(nil)
  }

  private struct InUse {
    var isStopped = false
    var drivers: [ObjectIdentifier: CurlDriver] = [:]
  }

  private let transport: KubernetesTransport
  private let slots = (0..<KubernetesLimits.maxIdleConnections).map { _ in Slot() }
  private let inUse = Mutex(InUse())

  init(_ transport: KubernetesTransport) { self.transport = transport }

  /// One attempt. Blocks.
  func exchange(
    _ request: KubernetesRequest, timeoutMs: UInt64
  ) -> Result<KubernetesAnswer, KubernetesFailure> {
    guard let connection = takeIdle() ?? CurlConnection() else {
      let error = KubernetesError.unreachable("no memory or descriptor for a connection")
      return .failure(KubernetesFailure(error: error, wasSent: false))
    }
    let driver = connection.driver
    let isRunning = inUse.withLock { inUse in
      if !inUse.isStopped { inUse.drivers[ObjectIdentifier(driver)] = driver }
      return !inUse.isStopped
    }
    guard isRunning else { return .failure(KubernetesFailure(error: .stopped, wasSent: false)) }
    let answer = transport.exchange(
      request, over: connection, timeoutMs: timeoutMs,
      shouldStop: { inUse.withLock { $0.isStopped } })
    _ = inUse.withLock { $0.drivers.removeValue(forKey: ObjectIdentifier(driver)) }
    giveBack(connection)
    return answer
  }

  /// Ends what is under way, and refuses what comes. Of any thread; does not wait.
  func stop() {
    let drivers = inUse.withLock { inUse in
      inUse.isStopped = true
      return Array(inUse.drivers.values)
    }
    for driver in drivers { driver.wake() }
    // What is idle is closed by the last reference.
  }

  private func takeIdle() -> CurlConnection? {
    for slot in slots {
      if let connection = slot.kept.withLock({ $0.take() }) { return connection }
    }
    return nil
  }

  private func giveBack(_ connection: consuming CurlConnection) {
    var rest: CurlConnection? = consume connection
    for slot in slots {
      slot.kept.withLock { kept in
        if kept == nil { kept = rest.take() }
      }
      if rest == nil { return }
    }
  }
}
