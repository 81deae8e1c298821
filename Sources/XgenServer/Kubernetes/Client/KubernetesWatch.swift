internal import Logging
internal import Reactor

/// Keeps the loop told of the selected objects, from a thread of its own: list, then watch from
/// there, again whenever the watch ends, and list anew when it can't go on where it was.
///
/// See `KubernetesWatchEvent` for what is told and `KubernetesWatchCourse` for what is done when.
@LoopActor
final class KubernetesWatch {
  let selection: KubernetesSelection
  private let transport: KubernetesTransport
  private let log: Logger
  private let onEvents: @LoopActor ([KubernetesWatchEvent]) -> Void
  private var queue: KubernetesWatchQueue?
  private var thread: NativeThread?
  private var isStopped = false
  private var waiting: [CheckedContinuation<Void, Never>] = []

  init(
    _ selection: KubernetesSelection, _ transport: KubernetesTransport, log: Logger,
    _ onEvents: @escaping @LoopActor ([KubernetesWatchEvent]) -> Void
  ) {
    self.selection = selection
    self.transport = transport
    self.log = log
    self.onEvents = onEvents
  }

  /// Once. Does not wait: the first `.reset`, or `.disconnected`, follows. Throws if the system
  /// gives no thread, connection or memory.
  func start() throws(KubernetesError) {
    precondition(queue == nil && thread == nil, "a watch starts once")
    let queue = KubernetesWatchQueue { [self] in LoopActor.task { @LoopActor in self.deliver() } }
    guard let queue, let connection = CurlConnection() else {
      throw .unreachable("no memory or descriptor for a watch")
    }
    self.queue = queue
    let run = KubernetesWatchRun(
      selection: selection, transport: transport, queue: queue, log: log)
    let box = Handover(connection)
    thread = NativeThread { [self] in
      run.run(over: box.take())
      LoopActor.task { @LoopActor in self.end() }
    }
    guard thread == nil else { return }
    self.queue = nil  // it refers back here
    throw .unreachable("no thread for a watch")
  }

  /// Ends the thread; nothing is told from now on. Returns when it has ended. The loop goes on
  /// meanwhile.
  func stop() async {
    isStopped = true
    guard let queue else { return }
    queue.stop()
    await withCheckedContinuation { waiting.append($0) }
  }

  private func deliver() {
    guard !isStopped, let events = queue?.takeAll(), !events.isEmpty else { return }
    onEvents(events)
  }

  private func end() {
    queue = nil  // it refers back here
    thread?.join()  // it has nothing left to do but to return
    for next in waiting { next.resume() }
    waiting = []
  }
}
