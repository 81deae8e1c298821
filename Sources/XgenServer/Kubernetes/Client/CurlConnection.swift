internal import CCurl
internal import Glibc

/// A curl handle with one owner, and the connection that it keeps between transfers.
///
/// HTTP/1.1: with one transfer at a time HTTP/2 has nothing to give, and a broken connection then
/// breaks one request.
// Proof of @unchecked Sendable: it is move-only, so one thread at a time has it, which is all that
// libcurl asks for.
struct CurlConnection: ~Copyable, @unchecked Sendable {
  /// Wakes `perform`.
  let driver: CurlDriver
  private let easy: UnsafeMutableRawPointer
  private let errorText: UnsafeMutablePointer<CChar>

  /// Nil for want of memory or descriptors.
  init?() {
    guard let driver = CurlDriver(), let easy = curl_easy_init() else { return nil }
    self.driver = driver
    self.easy = easy
    errorText = .allocate(capacity: Int(CURL_ERROR_SIZE))
  }

  deinit {
    curl_easy_cleanup(easy)
    errorText.deallocate()
  }

  /// The longest wait without a look at `shouldStop`, in case a wake is lost.
  private static let maxWaitMs: UInt64 = 1_000

  /// Runs a transfer to its end. Blocks.
  ///
  /// `receive` is lent the body's pieces, and false ends the transfer; `turn` is called with the status after each turn in which
  /// something may have come, and may block; `shouldStop` is asked after every turn and wake.
  borrowing func perform(
    _ transfer: CurlTransfer,
    receive: @escaping (UnsafeRawBufferPointer, _ status: Int) -> Bool,
    shouldStop: () -> Bool, turn: (_ status: Int) -> Void = { _ in }
  ) -> CurlOutcome {
    let exchange = CurlExchange(easy, body: transfer.body ?? [], receive)
    let context = Unmanaged.passRetained(exchange)
    var headers: UnsafeMutablePointer<curl_slist>?
    for header in transfer.headers { headers = curl_slist_append(headers, header) ?? headers }
    defer {
      // Nothing of this transfer stays in the handle, the token included.
      curl_easy_reset(easy)
      curl_slist_free_all(headers)
      context.release()
    }
    guard set(transfer, headers, context.toOpaque()) else {
      return outcome(.failed("libcurl lacks memory or a feature that is needed"), exchange)
    }
    guard curl_multi_add_handle(driver.handle, easy) == CURLM_OK else {
      return outcome(.failed("libcurl takes no transfer"), exchange)
    }
    defer { curl_multi_remove_handle(driver.handle, easy) }
    return run(exchange, shouldStop, turn)
  }

  private borrowing func run(
    _ exchange: CurlExchange, _ shouldStop: () -> Bool, _ turn: (_ status: Int) -> Void
  ) -> CurlOutcome {
    while true {
      var running: Int32 = 0
      let code = curl_multi_perform(driver.handle, &running)
      guard code == CURLM_OK else {
        return outcome(.failed(String(cString: curl_multi_strerror(code))), exchange)
      }
      turn(exchange.status)
      if running == 0 { break }
      if shouldStop() { return outcome(.stopped, exchange) }
      driver.wait(ms: Self.maxWaitMs)
    }
    let result = xgen_curl_result(driver.handle)
    if exchange.hasRefused { return outcome(.refused, exchange) }
    if result == Int32(CURLE_OK.rawValue) { return outcome(.complete, exchange) }
    return outcome(.failed(explanation(result)), exchange)
  }

  // MARK: What there is to know afterwards

  private borrowing func explanation(_ result: Int32) -> String {
    let text = String(cString: errorText)
    if !text.isEmpty { return text }
    return result < 0 ? "no result" : String(cString: curl_easy_strerror(.init(UInt32(result))))
  }

  private borrowing func outcome(
    _ end: CurlOutcome.End, _ exchange: CurlExchange
  ) -> CurlOutcome {
    var sentAt: curl_off_t = 0
    var retryAfter: curl_off_t = 0
    _ = xgen_curl_get_size(easy, CURLINFO_PRETRANSFER_TIME_T, &sentAt)
    _ = xgen_curl_get_size(easy, CURLINFO_RETRY_AFTER, &retryAfter)
    return CurlOutcome(
      end: end, status: exchange.status, retryAfterSeconds: retryAfter > 0 ? Int(retryAfter) : nil,
      wasSent: sentAt > 0 || exchange.hasGiven)
  }

}

// MARK: Options

extension CurlConnection {
  /// False if one can't be set: libcurl copies most of them, and memory may be short.
  private borrowing func set(
    _ transfer: CurlTransfer, _ headers: UnsafeMutablePointer<curl_slist>?,
    _ context: UnsafeMutableRawPointer
  ) -> Bool {
    errorText.pointee = 0
    let seconds = KubernetesLimits.self
    let numbers: [(CURLoption, Int)] = [
      (CURLOPT_NOSIGNAL, 1), (CURLOPT_FOLLOWLOCATION, 0), (CURLOPT_NETRC, 0),
      (CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_1_1)), (CURLOPT_PATH_AS_IS, 1),
      (CURLOPT_TIMEOUT_MS, Int(clamping: transfer.timeoutMs)),
      (CURLOPT_CONNECTTIMEOUT_MS, Int(clamping: seconds.connectTimeoutMs)),
      (CURLOPT_TCP_KEEPALIVE, 1), (CURLOPT_TCP_KEEPIDLE, seconds.keepAliveIdleSeconds),
      (CURLOPT_TCP_KEEPINTVL, seconds.keepAliveIntervalSeconds), (CURLOPT_TCP_NODELAY, 1),
      (CURLOPT_MAXAGE_CONN, seconds.maxIdleSeconds), (CURLOPT_MAXCONNECTS, 1),
      // A thread that waits for DNS is left behind rather than waited for.
      (CURLOPT_QUICK_EXIT, 1), (CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2)),
    ]
    // A proxy of the environment would see where to, and there is none to a cluster's own API.
    let texts: [(CURLoption, String)] = [
      (CURLOPT_URL, transfer.url), (CURLOPT_PROTOCOLS_STR, "http,https"), (CURLOPT_PROXY, ""),
    ]
    let codes =
      numbers.map { xgen_curl_set_long(easy, $0.0, $0.1) }
      + texts.map { xgen_curl_set_string(easy, $0.0, $0.1) }
      + [
        xgen_curl_set_headers(easy, headers), xgen_curl_set_error_text(easy, errorText),
        xgen_curl_set_writer(easy, curlReceive, context),
        xgen_curl_set_head_reader(easy, curlHead, context),
        xgen_curl_set_keepalive_probes(easy, seconds.keepAliveProbes),
      ]
    return codes.allSatisfy { $0 == CURLE_OK } && setTrust(transfer)
      && setMethod(transfer, context)
  }

  /// The body comes from a callback that can't be rewound, so that libcurl itself never sends a
  /// request twice, as it else does when a kept connection turns out to be dead.
  private borrowing func setMethod(
    _ transfer: CurlTransfer, _ context: UnsafeMutableRawPointer
  ) -> Bool {
    guard let body = transfer.body else {
      return transfer.method == "GET"
        || xgen_curl_set_string(easy, CURLOPT_CUSTOMREQUEST, transfer.method) == CURLE_OK
    }
    let codes = [
      xgen_curl_set_long(easy, CURLOPT_POST, 1),
      xgen_curl_set_string(easy, CURLOPT_CUSTOMREQUEST, transfer.method),
      xgen_curl_set_size(easy, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(body.count)),
      xgen_curl_set_reader(easy, curlSend, context),
    ]
    return codes.allSatisfy { $0 == CURLE_OK }
  }

  private borrowing func setTrust(_ transfer: CurlTransfer) -> Bool {
    var codes: [CURLcode] = []
    switch transfer.trust {
    case .system: break
    case .authority(let authorities):
      // Without the second, the host's own folder of authorities would be trusted as well.
      codes.append(blob(CURLOPT_CAINFO_BLOB, authorities))
      codes.append(xgen_curl_set_string(easy, CURLOPT_CAPATH, nil))
    case .insecure:
      codes.append(xgen_curl_set_long(easy, CURLOPT_SSL_VERIFYPEER, 0))
      codes.append(xgen_curl_set_long(easy, CURLOPT_SSL_VERIFYHOST, 0))
    }
    if let client = transfer.clientCertificate {
      codes.append(blob(CURLOPT_SSLCERT_BLOB, client.certificate))
      codes.append(blob(CURLOPT_SSLKEY_BLOB, client.key))
    }
    return codes.allSatisfy { $0 == CURLE_OK }
  }

  private borrowing func blob(_ option: CURLoption, _ bytes: [UInt8]) -> CURLcode {
    bytes.withUnsafeBytes { xgen_curl_set_blob(easy, option, $0.baseAddress!, $0.count) }
  }
}
