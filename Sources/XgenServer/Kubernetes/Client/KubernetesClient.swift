internal import Logging
internal import Reactor

/// The API of one cluster, for code on the loop. What blocks runs on the worker pool, which should
/// be one of its own: a server that hangs must not hold the threads that files need.
@LoopActor
final class KubernetesClient {
  let configuration: KubernetesConfiguration
  private let transport: KubernetesTransport
  private let connections: KubernetesConnections
  private let workers: WorkerPool
  private let policy: KubernetesRetryPolicy
  private let clock: KubernetesClock
  private let log: Logger
  private var isClosed = false

  init(
    _ configuration: KubernetesConfiguration, workers: WorkerPool, log: Logger,
    policy: KubernetesRetryPolicy = KubernetesRetryPolicy(), clock: KubernetesClock? = nil
  ) {
    self.configuration = configuration
    self.workers = workers
    self.log = log
    self.policy = policy
    self.clock = clock ?? .loop()
    transport = KubernetesTransport(configuration)
    connections = KubernetesConnections(transport)
  }

  /// Sends a request, again where that is harmless and may help, and answers with what the server
  /// said. No thread is held between attempts.
  func send(_ request: KubernetesRequest) async throws(KubernetesError) -> KubernetesAnswer {
    let start = clock.nowMs()
    var random = SystemRandomNumberGenerator()
    var attempts = 0
    while !isClosed {
      let elapsed = clock.nowMs() - start
      let left = policy.deadlineMs > elapsed ? policy.deadlineMs - elapsed : 0
      let failure: KubernetesFailure
      switch await attempt(request, timeoutMs: max(1, min(request.timeoutMs, left))) {
      case .success(let answer): return answer
      case .failure(let found): failure = found
      }
      attempts += 1
      guard
        let delay = policy.delayMs(
          attempts: attempts, failure, request.method, elapsedMs: clock.nowMs() - start,
          using: &random)
      else { throw failure.error }
      log.debug(
        "a request to the Kubernetes API is sent again",
        metadata: ["path": "\(request.path)", "error": "\(failure.error)", "ms": "\(delay)"])
      await clock.sleep(delay)
    }
    throw .stopped
  }

  /// Every selected object, at one moment of the cluster.
  func list(
    _ selection: KubernetesSelection, pageItems: Int = KubernetesLimits.pageItems
  ) async throws(KubernetesError) -> KubernetesList {
    var listing = KubernetesListing(selection, pageItems: pageItems)
    while true {
      do throws(KubernetesError) {
        if let list = try listing.take(try await send(listing.request)) { return list }
      } catch {
        guard case .gone = error, listing.restart() else { throw error }
      }
    }
  }

  /// Ends what is under way with `.stopped`; nothing is sent afterwards. Watches are stopped by
  /// whoever started them.
  func close() {
    isClosed = true
    connections.stop()
    clock.cancel()
  }

  private func attempt(
    _ request: KubernetesRequest, timeoutMs: UInt64
  ) async -> Result<KubernetesAnswer, KubernetesFailure> {
    let connections = connections
    do throws(WorkerPool.Full) {
      return try await workers.run { connections.exchange(request, timeoutMs: timeoutMs) }
    } catch {
      let error = KubernetesError.unreachable(
        "there is too much to do: too many requests wait for the Kubernetes API")
      return .failure(KubernetesFailure(error: error, wasSent: false))
    }
  }
}

extension KubernetesClient {
  /// A watch that is not started yet. `onEvents` is called on the loop with what has happened
  /// since, in order.
  func watch(
    _ selection: KubernetesSelection,
    _ onEvents: @escaping @LoopActor ([KubernetesWatchEvent]) -> Void
  ) -> KubernetesWatch {
    KubernetesWatch(selection, transport, log: log, onEvents)
  }
}
