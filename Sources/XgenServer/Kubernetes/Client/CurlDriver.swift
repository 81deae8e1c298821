internal import CCurl

/// A curl multi handle: what one thread waits with, and any other thread wakes it by.
// Proof of @unchecked Sendable: `handle` never changes; other threads use it in `wake` only, and
// curl_multi_wakeup is the one function of a multi handle that libcurl allows from any thread; the
// last reference frees it, when no thread can be inside.
final class CurlDriver: @unchecked Sendable {
  let handle: UnsafeMutableRawPointer

  /// Nil for want of memory or descriptors.
  init?() {
    Self.initializeLibrary
    guard let handle = curl_multi_init() else { return nil }
    self.handle = handle
  }

  deinit { curl_multi_cleanup(handle) }

  /// Ends a `wait` of another thread, or the next one if there is none now. Of any thread.
  func wake() { curl_multi_wakeup(handle) }

  /// Waits for the transfer's sockets, a `wake`, or so long. Of the one thread that uses it.
  func wait(ms: UInt64) {
    curl_multi_poll(handle, nil, 0, Int32(clamping: ms), nil)
  }

  /// Once per process, before anything else of libcurl's.
  private static let initializeLibrary: Void = {
    let code = curl_global_init(Int(CURL_GLOBAL_DEFAULT))
    precondition(code == CURLE_OK, "libcurl can't be initialised")
  }()
}
