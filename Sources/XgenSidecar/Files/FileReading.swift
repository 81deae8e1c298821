import Glibc
import XgenProtocol

extension Workspace {
  /// A regular file's bytes, at most `limit`. Devices and FIFOs are refused, not waited for.
  func read(_ path: String, atMost limit: Int) throws(RequestFailure) -> [UInt8] {
    let file = try openFile(path)
    let tooLarge = RequestFailure(.tooLarge, "\(path): over \(limit) bytes")
    guard file.size <= limit else { throw tooLarge }
    // One byte more shows the end, or that the file has grown.
    var capacity = Int(file.size) + 1
    while true {
      guard let bytes = try Self.readAll(file.number, path, capacity) else {
        capacity = min(capacity * 4, limit + 1)
        continue
      }
      guard bytes.count <= limit else { throw tooLarge }
      return bytes
    }
  }

  /// Reads from the start; nil if there is more than fits. With `capacity` bytes read there may
  /// be; what is over the limit is the caller's to refuse.
  private static func readAll(
    _ descriptor: Int32, _ path: String, _ capacity: Int
  ) throws(RequestFailure) -> [UInt8]? {
    var failed = false
    let bytes = [UInt8](unsafeUninitializedCapacity: capacity) { room, count in
      while count < capacity {
        let got = pread(descriptor, room.baseAddress! + count, capacity - count, off_t(count))
        if got < 0 && errno == EINTR { continue }
        failed = got < 0
        if got <= 0 { return }
        count += got
      }
    }
    if failed { throw .last(path) }
    let mayBeMore = bytes.count == capacity && capacity <= WireLimits.maxFilePayloadBytes
    return mayBeMore ? nil : bytes
  }
}
