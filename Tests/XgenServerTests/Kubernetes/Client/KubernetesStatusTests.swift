import Testing

@testable import XgenServer

@Suite struct KubernetesStatusTests {
  @Test(
    arguments: [
      (400, "BadRequest", "no", KubernetesError.invalid("no")),
      (401, "Unauthorized", "Unauthorized", .unauthorized("Unauthorized")),
      (
        403, "Forbidden", "pods is forbidden: User x cannot list resource pods",
        .forbidden("pods is forbidden: User x cannot list resource pods")
      ),
      (
        403, "Forbidden", "pods p is forbidden: exceeded quota: q, requested: pods=1",
        .quotaExceeded("pods p is forbidden: exceeded quota: q, requested: pods=1")
      ),
      (404, "NotFound", "pods p not found", .notFound("pods p not found")),
      (409, "AlreadyExists", "pods p already exists", .alreadyExists("pods p already exists")),
      (409, "Conflict", "the object has been modified", .conflict("the object has been modified")),
      (410, "Expired", "too old resource version: 1 (2)", .gone("too old resource version: 1 (2)")),
      (410, "Gone", "gone", .gone("gone")),
      (413, "RequestEntityTooLarge", "large", .invalid("large")),
      (415, "UnsupportedMediaType", "media", .invalid("media")),
      (422, "Invalid", "Pod p is invalid", .invalid("Pod p is invalid")),
      (429, "TooManyRequests", "slow", .tooManyRequests("slow", retryAfterSeconds: nil)),
      (500, "InternalError", "etcd", .server(status: 500, "etcd")),
      (503, "ServiceUnavailable", "away", .server(status: 503, "away")),
      (
        504, "Timeout", "Too large resource version",
        .server(status: 504, "Too large resource version")
      ),
      (302, "", "", .server(status: 302, "no reason was given (HTTP 302)")),
    ] as [(Int, String, String, KubernetesError)])
  func theStatusChoosesTheError(
    code: Int, reason: String, message: String, expected: KubernetesError
  ) {
    let text = status(code, reason, message)
    #expect(KubernetesStatus(code: code, body: Array(text.utf8)).error() == expected)
  }

  @Test(arguments: [
    "", "<html>502 Bad Gateway</html>", "null", "[]", "7", #"{"kind":"Pod","message":"secret"}"#,
    #"{"kind":"Status"}"#, #"{"kind":"Status","message":7,"code":"x","details":[]}"#, "{\"kind\"",
  ])
  func whatIsNoStatusIsToldByTheCodeAlone(body: String) {
    let error = KubernetesStatus(code: 502, body: Array(body.utf8)).error()
    #expect(error == .server(status: 502, "no reason was given (HTTP 502)"))
  }

  @Test func anEventsStatusHasItsOwnCode() throws {
    let expired = try JSONParser.parse(Array(status(410, "Expired", "old").utf8))
    #expect(KubernetesStatus(expired).error() == .gone("old"))
    #expect(KubernetesStatus(.null).code == 500)
    for code in [-1, 0, 200, 99_999] {
      let value = try JSONParser.parse(Array(status(code, "", "m").utf8))
      #expect(KubernetesStatus(value).error() == .server(status: 500, "m"))
    }
  }

  @Test func messagesAreOneBoundedLine() {
    let hostile = #"a\nb\u001b[31mred\u202Ec\u2028d"# + String(repeating: "é", count: 4000)
    let text = KubernetesStatus(code: 500, body: Array(status(500, "", hostile).utf8)).message
    #expect(text.hasPrefix("a b [31mred c d"))
    #expect(text.utf8.count <= KubernetesLimits.maxMessageBytes)
    #expect(text.utf8.count > KubernetesLimits.maxMessageBytes - 4)
  }

  @Test(arguments: [
    (#"{"retryAfterSeconds":3}"#, 3), (#"{"retryAfterSeconds":0}"#, nil),
    (#"{"retryAfterSeconds":-1}"#, nil), (#"{"retryAfterSeconds":1e18}"#, nil),
    (#"{"retryAfterSeconds":"3"}"#, nil), ("{}", nil),
  ])
  func theBodyMayTellWhenToComeBack(details: String, seconds: Int?) {
    let text = status(429, "TooManyRequests", "m", details: details)
    #expect(KubernetesStatus(code: 429, body: Array(text.utf8)).retryAfterSeconds == seconds)
  }

  @Test func onlyWhatPassesByItselfIsRetryable() {
    let passing: [KubernetesError] = [
      .unreachable(""), .tooManyRequests("", retryAfterSeconds: nil), .server(status: 500, ""),
      .server(status: 503, ""), .server(status: 504, ""),
    ]
    let lasting: [KubernetesError] = [
      .unauthorized(""), .forbidden(""), .quotaExceeded(""), .notFound(""), .alreadyExists(""),
      .conflict(""), .gone(""), .invalid(""), .malformed(""), .stopped, .server(status: 302, ""),
      .server(status: 501, ""),
    ]
    for error in passing { #expect(error.isRetryable, "\(error)") }
    for error in lasting { #expect(!error.isRetryable, "\(error)") }
  }
}

@Suite struct KubernetesRequestTests {
  @Test func pathsNameTheObjectAndNothingElse() {
    #expect(
      KubernetesResource.pods.path(in: "ns", "p", "status") == "/api/v1/namespaces/ns/pods/p/status"
    )
    #expect(KubernetesResource.pods.path() == "/api/v1/pods")
    #expect(
      KubernetesResource.leases.path(in: "n", "a/b?c#d%e")
        == "/apis/coordination.k8s.io/v1/namespaces/n/leases/a%2Fb%3Fc%23d%25e")
    #expect(KubernetesResource.namespaces.path(in: nil, "x") == "/api/v1/namespaces/x")
    #expect(KubernetesResource.leases.apiVersion == "coordination.k8s.io/v1")
  }

  @Test func queriesAreEncoded() {
    var request = KubernetesRequest.getPod
    request.query = [("labelSelector", "a=b,c in (d)"), ("continue", "x+/=&")]
    #expect(
      request.target
        == "/api/v1/namespaces/ns/pods/p?labelSelector=a%3Db%2Cc%20in%20%28d%29&continue=x%2B/%3D%26"
    )
  }

  @Test func aDeleteSaysItsGraceAndWhoIsMeant() {
    let request = KubernetesRequest.delete(
      .pods, in: "ns", "p", gracePeriodSeconds: 0, preconditionUID: "u", propagation: "Background")
    #expect(request.method == .delete && request.body?.contentType == .json)
    #expect(
      request.body?.value == [
        "kind": "DeleteOptions", "apiVersion": "v1", "gracePeriodSeconds": 0,
        "preconditions": ["uid": "u"], "propagationPolicy": "Background",
      ])
  }
}
