/// One response of a watch while it comes in, on the watch's thread: events, or the body of an
/// error.
final class KubernetesWatchStream {
  struct Batch {
    var events: [KubernetesWatchEvent] = []
    /// Of the last event or bookmark.
    var resourceVersion: String?
    var bytes = 0
  }

  private var decoder = KubernetesWatchDecoder()
  private var batch = Batch()
  /// Of a response that is no success.
  private(set) var body: [UInt8] = []
  /// The server's last word, or what is wrong with what it says.
  private(set) var error: KubernetesError?

  /// False ends the transfer: nothing more is wanted.
  func receive(_ bytes: UnsafeRawBufferPointer, isEvent: Bool) -> Bool {
    guard isEvent else {
      guard body.count + bytes.count <= KubernetesLimits.maxEventBytes else { return false }
      body.append(contentsOf: bytes)
      return true
    }
    decoder.append(bytes)
    do throws(KubernetesError) { try decode() } catch { self.error = error }
    return error == nil
  }

  /// What has come since the last call.
  func take() -> Batch {
    defer { batch = Batch() }
    return batch
  }

  private func decode() throws(KubernetesError) {
    while let (event, byteCount) = try decoder.next() {
      batch.bytes += byteCount
      switch event {
      case .changed(let object, let version):
        batch.events.append(.changed(object))
        batch.resourceVersion = version
      case .deleted(let object, let version):
        batch.events.append(.deleted(object))
        batch.resourceVersion = version
      case .bookmark(let version): batch.resourceVersion = version
      case .error(let error): throw error
      }
    }
  }
}
