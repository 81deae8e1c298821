internal import Reactor

/// One request to the API server.
struct KubernetesRequest: Sendable {
  enum Method: String, Sendable {
    case get = "GET"
    case post = "POST"
    case put = "PUT"
    case patch = "PATCH"
    case delete = "DELETE"

    /// May be sent again without knowing what became of the first one. A repetition may meet its
    /// own effect: a DELETE `.notFound`, a PUT or PATCH with a resourceVersion `.conflict`.
    var isIdempotent: Bool { self != .post }
  }

  /// A patch's kind is told by its media type.
  enum ContentType: String, Sendable {
    case json = "application/json"
    /// RFC 7396.
    case mergePatch = "application/merge-patch+json"
    case strategicMergePatch = "application/strategic-merge-patch+json"
    /// RFC 6902.
    case jsonPatch = "application/json-patch+json"
  }

  struct Body: Sendable {
    let contentType: ContentType
    let value: JSONValue
  }

  let method: Method
  /// Percent-encoded, without a query: see `KubernetesResource.path`.
  let path: String
  /// Not encoded.
  var query: [(name: String, value: String)] = []
  var body: Body?
  /// Of one attempt, connecting included.
  var timeoutMs: UInt64 = KubernetesLimits.requestTimeoutMs

  /// Path and query as the URL has them.
  var target: String {
    let items = query.map {
      "\(PercentEncoding.queryValue($0.name))=\(PercentEncoding.queryValue($0.value))"
    }
    return items.isEmpty ? path : path + "?" + items.joined(separator: "&")
  }
}

// MARK: The verbs

extension KubernetesRequest {
  static func get(
    _ resource: KubernetesResource, in namespace: String?, _ name: String
  ) -> KubernetesRequest {
    KubernetesRequest(method: .get, path: resource.path(in: namespace, name))
  }

  /// Is sent once, unless it is certain that the server did not act on it. `.alreadyExists` if
  /// there is an object of that name; `.unreachable` leaves open whether it was created.
  static func create(
    _ resource: KubernetesResource, in namespace: String?, _ object: JSONValue
  ) -> KubernetesRequest {
    KubernetesRequest(
      method: .post, path: resource.path(in: namespace),
      body: Body(contentType: .json, value: object))
  }

  /// With a `metadata.resourceVersion` it is `.conflict` if the object has changed since.
  static func replace(
    _ resource: KubernetesResource, in namespace: String?, _ name: String, _ object: JSONValue
  ) -> KubernetesRequest {
    KubernetesRequest(
      method: .put, path: resource.path(in: namespace, name),
      body: Body(contentType: .json, value: object))
  }

  /// A patch must have the same effect when it is applied twice, or name a resourceVersion (or a
  /// `test`): it is sent again after errors of the connection.
  static func patch(
    _ resource: KubernetesResource, in namespace: String?, _ name: String,
    _ contentType: ContentType, _ patch: JSONValue, subresource: String? = nil
  ) -> KubernetesRequest {
    KubernetesRequest(
      method: .patch, path: resource.path(in: namespace, name, subresource),
      body: Body(contentType: contentType, value: patch))
  }

  /// `preconditionUID`: only the object with this uid, or it is `.conflict`.
  static func delete(
    _ resource: KubernetesResource, in namespace: String?, _ name: String,
    gracePeriodSeconds: Int? = nil, preconditionUID: String? = nil,
    propagation: String? = nil
  ) -> KubernetesRequest {
    var options: [(String, JSONValue)] = [("kind", "DeleteOptions"), ("apiVersion", "v1")]
    if let gracePeriodSeconds {
      options.append(("gracePeriodSeconds", .int(Int64(gracePeriodSeconds))))
    }
    if let preconditionUID {
      options.append(("preconditions", .members([("uid", .string(preconditionUID))])))
    }
    if let propagation { options.append(("propagationPolicy", .string(propagation))) }
    return KubernetesRequest(
      method: .delete, path: resource.path(in: namespace, name),
      body: Body(contentType: .json, value: .members(options)))
  }
}

/// What the API server answered with a status of 2xx.
struct KubernetesAnswer: Sendable, Equatable {
  let status: Int
  /// The object, the list, or a `Status`; null for an empty body.
  let body: JSONValue
  /// Of the body as it came.
  var byteCount = 0
}
