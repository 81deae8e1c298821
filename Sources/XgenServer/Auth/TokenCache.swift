import COpenSSL

/// Bearers of tokens that have been verified, so that a client's next request costs no MAC and no
/// JSON. It holds nothing that a verification now would refuse: an entry counts only while the
/// token's own times allow it, and whoever changes keys or the secret clears the table.
///
/// A token is found by a hash under a key of this process's own and then compared whole, in a
/// time that depends on its length only: neither tells a guesser how near a guess is.
struct TokenCache {
  /// At most `entryCount × maxTokenBytes` bytes: 512 KiB.
  static let entryCount = 512
  /// Ours have some 200 bytes. A longer one is verified each time.
  static let maxTokenBytes = 1024

  private struct Entry {
    let token: [UInt8]
    let principal: Principal
    /// Unix seconds, the first at which the token counts and the first at which it does no more.
    let times: Range<Int64>
  }

  /// Each token has one place, which a later one takes over.
  private var entries: [Entry?] = []

  /// Who bears the token; nil if that is not known.
  func principal(of token: UnsafeRawBufferPointer, now: Int64) -> Principal? {
    if entries.isEmpty || token.count > Self.maxTokenBytes { return nil }
    guard let entry = entries[Self.place(of: token)], entry.times.contains(now),
      Self.equal(entry.token, token)
    else { return nil }
    return entry.principal
  }

  /// Keeps what a verification has found.
  mutating func add(_ token: String, _ principal: Principal, validIn times: Range<Int64>) {
    if token.utf8.count > Self.maxTokenBytes { return }
    if entries.isEmpty { entries = Array(repeating: nil, count: Self.entryCount) }
    let bytes = Array(token.utf8)
    let place = bytes.withUnsafeBytes { Self.place(of: $0) }
    entries[place] = Entry(token: bytes, principal: principal, times: times)
  }

  mutating func clear() { entries = [] }

  private static func place(of token: UnsafeRawBufferPointer) -> Int {
    var hasher = Hasher()
    hasher.combine(bytes: token)
    return hasher.finalize() & (entryCount - 1)
  }

  private static func equal(_ known: [UInt8], _ token: UnsafeRawBufferPointer) -> Bool {
    known.count == token.count && CRYPTO_memcmp(known, token.baseAddress, known.count) == 0
  }
}
