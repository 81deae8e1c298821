internal import Glibc

/// Requests over curl connections, one attempt each. Blocks: workers and watch threads only.
struct KubernetesTransport: Sendable {
  let configuration: KubernetesConfiguration
  let credential: KubernetesCredential

  init(_ configuration: KubernetesConfiguration) {
    self.configuration = configuration
    credential = KubernetesCredential(configuration.token, nowMs: MonotonicClock.nowMs)
  }

  /// The whole answer of 2xx, or why there is none. A token that the server refuses is read again
  /// from its file, once.
  func exchange(
    _ request: KubernetesRequest, over connection: borrowing CurlConnection, timeoutMs: UInt64,
    shouldStop: () -> Bool
  ) -> Result<KubernetesAnswer, KubernetesFailure> {
    let token: String?
    do throws(KubernetesError) { token = try credential.current() } catch {
      return .failure(KubernetesFailure(error: error, wasSent: false))
    }
    let first = attempt(request, token, connection, timeoutMs, shouldStop)
    guard case .failure(let failure) = first, case .unauthorized = failure.error,
      credential.replace(refused: token), let renewed = try? credential.current()
    else { return first }
    return attempt(request, renewed, connection, timeoutMs, shouldStop)
  }

  private func attempt(
    _ request: KubernetesRequest, _ token: String?, _ connection: borrowing CurlConnection,
    _ timeoutMs: UInt64, _ shouldStop: () -> Bool
  ) -> Result<KubernetesAnswer, KubernetesFailure> {
    var body: [UInt8] = []
    let outcome = connection.perform(
      transfer(request, token, timeoutMs: timeoutMs),
      receive: { bytes, _ in
        guard body.count + bytes.count <= KubernetesLimits.maxAnswerBytes else { return false }
        body.append(contentsOf: bytes)
        return true
      }, shouldStop: shouldStop)
    if let failure = failure(of: outcome, body) { return .failure(failure) }
    if body.isEmpty { return .success(KubernetesAnswer(status: outcome.status, body: .null)) }
    do throws(JSONError) {
      let value = try JSONParser.parse(body, limits: KubernetesLimits.json)
      return .success(
        KubernetesAnswer(status: outcome.status, body: value, byteCount: body.count))
    } catch {
      return .failure(KubernetesFailure(error: .malformed("\(error)"), wasSent: true))
    }
  }

  /// The request in libcurl's terms.
  func transfer(
    _ request: KubernetesRequest, _ token: String?, timeoutMs: UInt64
  ) -> CurlTransfer {
    var headers = ["Accept: application/json", "User-Agent: xgen-server/\(Settings.version)"]
    if let body = request.body {
      headers += ["Content-Type: \(body.contentType.rawValue)", "Expect:"]
    }
    if let token { headers.append("Authorization: Bearer \(token)") }
    return CurlTransfer(
      method: request.method.rawValue, url: configuration.server + request.target,
      headers: headers, body: request.body?.value.serialized(), trust: configuration.trust,
      clientCertificate: configuration.clientCertificate, timeoutMs: timeoutMs)
  }

  /// Nil for a whole answer of 2xx.
  func failure(of outcome: CurlOutcome, _ body: [UInt8]) -> KubernetesFailure? {
    switch outcome.end {
    case .complete where 200...299 ~= outcome.status: return nil
    case .complete:
      let status = KubernetesStatus(code: outcome.status, body: body)
      let seconds = outcome.retryAfterSeconds ?? status.retryAfterSeconds
      return KubernetesFailure(
        error: status.error(retryAfterSeconds: seconds), wasSent: true,
        retryAfterSeconds: seconds)
    case .failed(let text):
      let reason = "the Kubernetes API at \(configuration.server) can't be reached: \(text)"
      return KubernetesFailure(error: .unreachable(reason), wasSent: outcome.wasSent)
    case .refused:
      return KubernetesFailure(
        error: .malformed("it is larger than our limits"), wasSent: true)
    case .stopped: return KubernetesFailure(error: .stopped, wasSent: outcome.wasSent)
    }
  }
}

/// Milliseconds of a clock that never goes back, of any thread.
enum MonotonicClock {
  @Sendable static func nowMs() -> UInt64 {
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    return UInt64(now.tv_sec) * 1000 + UInt64(now.tv_nsec) / 1_000_000
  }
}
