internal import Synchronization

/// The bearer token that requests carry, read again from its file when it may have been replaced.
///
/// Shared by the threads that make requests; `current` may read a file, so no loop calls it.
final class KubernetesCredential: Sendable {
  private struct Kept {
    var token: String?
    var readAtMs: UInt64?
  }

  private let source: KubernetesConfiguration.Token
  private let nowMs: @Sendable () -> UInt64
  private let kept = Mutex(Kept())

  /// `nowMs`: a monotonic clock, of any thread.
  init(_ source: KubernetesConfiguration.Token, nowMs: @escaping @Sendable () -> UInt64) {
    self.source = source
    self.nowMs = nowMs
  }

  /// The token to send; nil for none. A file is read at most once in `tokenRereadMs`; when it can't
  /// be, the last token that could be read stays.
  func current() throws(KubernetesError) -> String? {
    switch source {
    case .none: return nil
    case .fixed(let token): return token
    case .file(let path): return try kept(from: path).get()
    }
  }

  /// The server refused `token` (401). True if there is another one now, and the request is worth
  /// another attempt.
  func replace(refused token: String?) -> Bool {
    guard case .file(let path) = source else { return false }
    return kept.withLock { kept in
      if kept.token == token { Self.read(path, into: &kept, nowMs()) }
      return kept.token != nil && kept.token != token
    }
  }

  private func kept(from path: String) -> Result<String, KubernetesError> {
    kept.withLock { kept in
      let now = nowMs()
      if kept.readAtMs.map({ now >= $0 + KubernetesLimits.tokenRereadMs }) ?? true {
        Self.read(path, into: &kept, now)
      }
      return kept.token.map { .success($0) }
        ?? .failure(.unauthorized("\(path) holds no token"))
    }
  }

  private static func read(_ path: String, into kept: inout Kept, _ nowMs: UInt64) {
    kept.readAtMs = nowMs
    guard
      let bytes = try? HostFiles.read(path, limit: KubernetesLimits.maxTokenBytes)
    else { return }
    let text = String(decoding: bytes, as: UTF8.self).filter { !$0.isWhitespace }
    if isToken(text) { kept.token = text }
  }

  /// Bytes that can stand in a header's value: no space, no control character, nothing else than
  /// ASCII.
  static func isToken(_ text: String) -> Bool {
    1...KubernetesLimits.maxTokenBytes ~= text.utf8.count
      && text.utf8.allSatisfy { 0x21...0x7E ~= $0 }
  }
}
