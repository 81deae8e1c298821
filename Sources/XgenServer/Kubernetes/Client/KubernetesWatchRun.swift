internal import Logging
internal import Synchronization

/// A move-only value on its way to another thread.
final class Handover: Sendable {
  private let value: Mutex<CurlConnection?>

  init(_ value: consuming CurlConnection) { self.value = Mutex(consume value) }

  /// Once.
  func take() -> CurlConnection {
    guard let value = value.withLock({ $0.take() }) else { preconditionFailure("taken twice") }
    return value
  }
}

/// What a watch's thread does, until it is stopped. Blocks.
struct KubernetesWatchRun: Sendable {
  let selection: KubernetesSelection
  let transport: KubernetesTransport
  let queue: KubernetesWatchQueue
  let log: Logger

  func run(over connection: consuming CurlConnection) {
    queue.setTransfer(connection.driver)
    var course = KubernetesWatchCourse()
    var random = SystemRandomNumberGenerator()
    while !queue.isStopped {
      if let version = course.resourceVersion {
        watch(from: version, over: connection, &course, &random)
      } else {
        list(over: connection, &course)
      }
      if queue.isStopped { break }
      if let error = course.takeNews() { queue.push([.disconnected(error)], bytes: 0) }
      let delay = course.delayMs(using: &random)
      if delay > 0 { queue.sleep(ms: delay) }
    }
    queue.setTransfer(nil)
  }

  private func list(
    over connection: borrowing CurlConnection, _ course: inout KubernetesWatchCourse
  ) {
    var listing = KubernetesListing(selection)
    while !queue.isStopped {
      do throws(KubernetesFailure) {
        let answer = try transport.exchange(
          listing.request, over: connection, timeoutMs: KubernetesLimits.requestTimeoutMs,
          shouldStop: { queue.isStopped }
        ).get()
        guard let list = try take(answer, &listing) else { continue }
        course.listed(list.resourceVersion)
        queue.push(
          [.reset(items: list.items, resourceVersion: list.resourceVersion)],
          bytes: answer.byteCount)
        return
      } catch {
        if case .gone = error.error, listing.restart() { continue }
        return fail(error, &course)
      }
    }
  }

  private func take(
    _ answer: KubernetesAnswer, _ listing: inout KubernetesListing
  ) throws(KubernetesFailure) -> KubernetesList? {
    do throws(KubernetesError) { return try listing.take(answer) } catch {
      throw KubernetesFailure(error: error, wasSent: true)
    }
  }

  private func watch(
    from version: String, over connection: borrowing CurlConnection,
    _ course: inout KubernetesWatchCourse, _ random: inout some RandomNumberGenerator
  ) {
    let token: String?
    do throws(KubernetesError) { token = try transport.credential.current() } catch {
      return fail(KubernetesFailure(error: error, wasSent: false), &course)
    }
    let seconds = UInt64.random(in: KubernetesLimits.watchSeconds, using: &random)
    let stream = KubernetesWatchStream()
    let startMs = MonotonicClock.nowMs()
    let outcome = connection.perform(
      transport.transfer(
        request(from: version, seconds), token,
        timeoutMs: seconds * 1000 + KubernetesLimits.watchGraceMs),
      receive: { stream.receive($0, isEvent: 200...299 ~= $1) },
      shouldStop: { queue.isStopped },
      turn: { status in
        if 200...299 ~= status, course.opened() { queue.push([.connected], bytes: 0) }
        let batch = stream.take()
        if let last = batch.resourceVersion { course.saw(last) }
        queue.push(batch.events, bytes: batch.bytes)
      })
    let failure =
      stream.error.map { KubernetesFailure(error: $0, wasSent: true) }
      ?? transport.failure(of: outcome, stream.body)
    guard let failure else {
      return course.ended(afterMs: MonotonicClock.nowMs() - startMs)
    }
    if case .unauthorized = failure.error { _ = transport.credential.replace(refused: token) }
    fail(failure, &course)
  }

  private func fail(_ failure: KubernetesFailure, _ course: inout KubernetesWatchCourse) {
    if queue.isStopped { return }
    log.debug(
      "a watch of the Kubernetes API has failed",
      metadata: ["path": "\(selection.path)", "error": "\(failure.error)"])
    course.failed(failure)
  }

  private func request(from version: String, _ seconds: UInt64) -> KubernetesRequest {
    var request = KubernetesRequest(method: .get, path: selection.path)
    request.query =
      selection.query + [
        ("watch", "1"), ("resourceVersion", version), ("allowWatchBookmarks", "true"),
        ("timeoutSeconds", "\(seconds)"),
      ]
    return request
  }
}
