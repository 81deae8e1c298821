internal import COpenSSL
public import Reactor

/// One end of a TLS connection, without a socket: ciphertext in → plaintext out, plaintext in →
/// ciphertext out.
///
/// ```
/// handshake ──▶ open ──▶ closing ──▶ closed      closing: one close_notify of two was seen
///     └───────────┴─────────┴──(failure)──▲
/// ```
///
/// Ciphertext is lent (`withInput`) and copied only where reading stops before its end; what is
/// to be sent is collected until `takeOutput`. Both are empty, and their memory is freed, when
/// the connection is idle.
public final class TLSEngine {
  public enum State: Sendable { case handshake, open, closing, closed }

  public enum ReadResult: Equatable, Sendable {
    case bytes(Int)
    /// More ciphertext is needed.
    case needsInput
    /// The peer's close_notify: no more will come.
    case ended
  }

  public private(set) var state = State.handshake
  private let context: TLSContext
  private let ssl: OpaquePointer
  /// Ciphertext that is lent at the moment, and what was kept of earlier such.
  private var lent = UnsafeRawBufferPointer(start: nil, count: 0)
  private var kept = ByteBuffer()
  private var output = ByteBuffer()
  private var failure: TLSError?
  private var sentClose = false
  private var receivedClose = false
  private var recordsUnderKey = 0
  /// Settable by tests.
  var recordsPerKey = TLSLimits.recordsPerKey

  /// `serverName`, for clients: a DNS name or IP address that the certificate must be for.
  public init(_ context: TLSContext, serverName: String? = nil, resuming session: TLSSession? = nil)
  {
    self.context = context
    guard let made = SSL_new(context.raw) else {
      fatalError("SSL_new: \(OpenSSLErrors.takeReason())")
    }
    ssl = made
    context.engineWasMade()
    let transport = TLSTransport.make(for: self)
    SSL_set_bio(ssl, transport, transport)
    switch context.role {
    case .server: SSL_set_accept_state(ssl)
    case .client: SSL_set_connect_state(ssl)
    }
    if let serverName { expect(serverName) }
    if let session { SSL_set_session(ssl, session.raw) }
  }

  deinit {
    SSL_free(ssl)
    context.engineWasFreed()
  }

  private func expect(_ serverName: String) {
    // An address is not sent as a name (RFC 6066 §3).
    if X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), serverName) == 1 { return }
    SSL_set_hostflags(ssl, UInt32(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS))
    let isSet = SSL_set1_host(ssl, serverName) == 1 && xgen_ssl_set_host_name(ssl, serverName) == 1
    precondition(isSet, "not a server name: \(serverName)")
  }

  // MARK: Ciphertext

  /// Lends ciphertext to `body`, which reads; what it leaves is kept for later.
  public func withInput<E: Error>(
    _ bytes: UnsafeRawBufferPointer, _ body: () throws(E) -> Void
  ) throws(E) {
    lent = bytes
    defer {
      if failure == nil && !receivedClose { kept.append(lent) }
      lent = UnsafeRawBufferPointer(start: nil, count: 0)
    }
    try body()
  }

  /// A read would give something: bytes, the end, or an error. It may turn out to need input
  /// after all.
  public var hasUnread: Bool {
    !kept.isEmpty || receivedClose || failure != nil || SSL_has_pending(ssl) == 1
  }

  /// Ciphertext that waits in this object, in bytes.
  public var keptByteCount: Int { kept.count }

  public var hasOutput: Bool { !output.isEmpty }

  /// Lends what is to be sent to the peer, which is then forgotten.
  public func takeOutput(_ body: (UnsafeRawBufferPointer) -> Void) {
    if output.isEmpty { return }
    var taken = ByteBuffer()
    swap(&taken, &output)
    taken.withReadable { body($0) }
  }

  /// For the BIO: moves ciphertext to OpenSSL.
  func transportRead(_ bio: OpaquePointer, _ room: UnsafeMutableRawBufferPointer) -> Int32 {
    xgen_bio_clear_retry(bio)
    let count = kept.isEmpty ? takeLent(room) : takeKept(room)
    if count > 0 { return Int32(count) }
    xgen_bio_retry_read(bio)
    return -1
  }

  private func takeLent(_ room: UnsafeMutableRawBufferPointer) -> Int {
    let count = min(room.count, lent.count)
    room.copyMemory(from: UnsafeRawBufferPointer(rebasing: lent[..<count]))
    lent = UnsafeRawBufferPointer(rebasing: lent[count...])
    return count
  }

  private func takeKept(_ room: UnsafeMutableRawBufferPointer) -> Int {
    let count = min(room.count, kept.count)
    kept.withReadable { room.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[..<count])) }
    kept.consume(count)
    if kept.isEmpty { kept.clear(keepingCapacity: 0) }
    return count
  }

  /// For the BIO: takes ciphertext from OpenSSL.
  func transportWrite(_ bytes: UnsafeRawBufferPointer) -> Int32 {
    output.append(bytes)
    return Int32(bytes.count)
  }

  // MARK: Handshake

  /// Goes as far as the input allows; true once the connection is open. A client begins with it.
  public func handshake() throws(TLSError) -> Bool {
    if let failure { throw failure }
    if state != .handshake { return true }
    OpenSSLErrors.clear()
    let status = SSL_do_handshake(ssl)
    if status == 1 {
      state = .open
      return true
    }
    if SSL_get_error(ssl, status) == SSL_ERROR_WANT_READ { return false }
    throw fail(.handshake(handshakeReason()))
  }

  private func handshakeReason() -> String {
    let verdict = SSL_get_verify_result(ssl)
    let reason = OpenSSLErrors.takeReason()
    guard verdict != Int(X509_V_OK), let text = X509_verify_cert_error_string(verdict) else {
      return reason
    }
    return "\(reason): \(String(cString: text))"
  }

  private func fail(_ error: TLSError) -> TLSError {
    failure = error
    state = .closed
    kept.clear(keepingCapacity: 0)
    return error
  }

  // MARK: Plaintext

  /// Fills the room with what was received, several records' worth if they are short. An error or
  /// end behind bytes is told by the next call. Precondition: the handshake is over.
  public func read(into room: UnsafeMutableRawBufferPointer) throws(TLSError) -> ReadResult {
    precondition(state != .handshake || failure != nil, "read before the handshake's end")
    var count = 0
    while count < room.count, failure == nil, !receivedClose {
      OpenSSLErrors.clear()
      let got = SSL_read(ssl, room.baseAddress! + count, Int32(room.count - count))
      if got <= 0 {
        readDidStop(SSL_get_error(ssl, got))
        break
      }
      count += Int(got)
    }
    if count > 0 { return .bytes(count) }
    if let failure { throw failure }
    return receivedClose ? .ended : .needsInput
  }

  private func readDidStop(_ reason: Int32) {
    switch reason {
    case SSL_ERROR_WANT_READ: break
    case SSL_ERROR_ZERO_RETURN:
      receivedClose = true
      kept.clear(keepingCapacity: 0)
      state = sentClose ? .closed : .closing
    default: _ = fail(.record(OpenSSLErrors.takeReason()))
    }
  }

  /// Encrypts. Ignored once our direction has ended. Precondition: the handshake is over.
  public func write(_ bytes: UnsafeRawBufferPointer) throws(TLSError) {
    if let failure { throw failure }
    precondition(state != .handshake, "written before the handshake's end")
    if sentClose { return }
    let records = bytes.count / TLSLimits.plaintextBytes + 1
    output.reserve(bytes.count + records * TLSLimits.recordOverheadBytes)
    var offset = 0
    while offset < bytes.count {
      let count = min(TLSLimits.plaintextBytes, bytes.count - offset)
      rekeyIfDue()
      OpenSSLErrors.clear()
      if SSL_write(ssl, bytes.baseAddress! + offset, Int32(count)) != Int32(count) {
        throw fail(.record(OpenSSLErrors.takeReason()))
      }
      offset += count
    }
  }

  private func rekeyIfDue() {
    recordsUnderKey += 1
    if recordsUnderKey <= recordsPerKey { return }
    recordsUnderKey = 1
    rekey(both: false)
  }

  /// Changes our key, in TLS 1.3, before the next record; the peer is asked to change its own too.
  func rekey(both: Bool) {
    if version != .tls13 { return }
    SSL_key_update(ssl, both ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED)
  }

  // MARK: The end

  /// Ends our direction by a close_notify. Idempotent; nothing before the handshake's end.
  public func shutDown() {
    if sentClose || failure != nil || state == .handshake { return }
    sentClose = true
    OpenSSLErrors.clear()
    _ = SSL_shutdown(ssl)
    state = receivedClose ? .closed : .closing
  }

  /// The peer's bytes have ended, all of them read: an error unless it said so before.
  public func inputDidEnd() throws(TLSError) {
    if let failure { throw failure }
    if receivedClose { return }
    throw fail(
      state == .handshake ? .handshake("the peer ended the connection in its midst") : .truncated)
  }

  // MARK: What was agreed

  /// Nil before the handshake's end.
  public var version: TLSVersion? {
    SSL_is_init_finished(ssl) == 1 ? TLSVersion(rawValue: SSL_version(ssl)) : nil
  }

  /// The name chosen by ALPN.
  public var applicationProtocol: String? {
    var name: UnsafePointer<UInt8>?
    var count: UInt32 = 0
    SSL_get0_alpn_selected(ssl, &name, &count)
    guard let name else { return nil }
    return String(decoding: UnsafeBufferPointer(start: name, count: Int(count)), as: UTF8.self)
  }

  public var isResumed: Bool { SSL_session_reused(ssl) == 1 }

  /// For a client's next connection. In TLS 1.3 it comes behind the handshake: after a read.
  public func session() -> TLSSession? {
    guard let session = SSL_get1_session(ssl) else { return nil }
    if SSL_SESSION_is_resumable(session) == 1 { return TLSSession(session) }
    SSL_SESSION_free(session)
    return nil
  }
}
