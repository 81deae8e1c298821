/// A watch's response: objects of JSON, `{"type": …, "object": …}`, one after another, each ended
/// by a line feed. Pure: pieces in, events out, whatever the cuts.
///
/// Source: Kubernetes API concepts, "Efficient detection of changes".
struct KubernetesWatchDecoder {
  enum Event: Equatable, Sendable {
    /// ADDED or MODIFIED. Without its `managedFields`, as all objects here.
    case changed(JSONValue, resourceVersion: String)
    case deleted(JSONValue, resourceVersion: String)
    /// Nothing has changed up to here.
    case bookmark(resourceVersion: String)
    /// The server's last word.
    case error(KubernetesError)
  }

  private let maxEventBytes: Int
  private var bytes: [UInt8] = []
  /// Where the first event begins that was not given out.
  private var start = 0
  /// No line feed lies before it.
  private var scanned = 0

  init(maxEventBytes: Int = KubernetesLimits.maxEventBytes) { self.maxEventBytes = maxEventBytes }

  mutating func append(_ piece: UnsafeRawBufferPointer) {
    if start == bytes.count {
      bytes.removeAll(keepingCapacity: bytes.capacity <= 64 * 1024)
      start = 0
      scanned = 0
    }
    bytes.append(contentsOf: piece)
  }

  /// The next event and its length in bytes; nil: more bytes are needed.
  mutating func next() throws(KubernetesError) -> (event: Event, byteCount: Int)? {
    while let end = lineEnd() {
      let line = start..<end
      start = end + 1
      scanned = start
      try check(line.count)
      if bytes[line].allSatisfy({ $0 == 0x0D || $0 == 0x20 }) { continue }
      return (try event(line), line.count)
    }
    try check(scanned - start)
    drop()
    return nil
  }

  private func check(_ byteCount: Int) throws(KubernetesError) {
    if byteCount > maxEventBytes {
      throw .malformed("an event is over \(maxEventBytes) bytes")
    }
  }

  private mutating func lineEnd() -> Int? {
    let end = bytes[scanned...].firstIndex(of: 0x0A)
    scanned = end ?? bytes.count
    return end
  }

  /// All that is given out goes: a quiet watch holds nothing.
  private mutating func drop() {
    guard start > 0 else { return }
    bytes.removeSubrange(..<start)
    scanned -= start
    start = 0
  }

  private func event(_ line: Range<Int>) throws(KubernetesError) -> Event {
    let value: JSONValue
    do throws(JSONError) {
      value = try bytes.withUnsafeBufferPointer { (all) throws(JSONError) in
        let text = UnsafeBufferPointer(rebasing: all[line])
        return try JSONParser.parse(
          UnsafeRawBufferPointer(text), limits: KubernetesLimits.eventJSON)
      }
    } catch {
      throw .malformed("an event of a watch: \(error)")
    }
    guard let type = value["type"]?.stringValue, let object = value["object"],
      object.objectValue != nil
    else { throw .malformed("an event of a watch has no type or no object") }
    if type == "ERROR" { return .error(KubernetesStatus(object).error()) }
    guard let version = KubernetesObject.resourceVersion(object) else {
      throw .malformed("an event of a watch has no resourceVersion")
    }
    switch type {
    case "ADDED", "MODIFIED":
      return .changed(KubernetesObject.withoutManagedFields(object), resourceVersion: version)
    case "DELETED":
      return .deleted(KubernetesObject.withoutManagedFields(object), resourceVersion: version)
    case "BOOKMARK": return .bookmark(resourceVersion: version)
    // What it means is not known, so nothing can be built on what comes behind it.
    default: throw .malformed("an event of a watch has an unknown type")
    }
  }
}
