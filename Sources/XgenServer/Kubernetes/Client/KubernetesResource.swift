internal import Reactor

/// A kind of object, by its place in the API's URLs.
///
/// Source: Kubernetes API concepts, "Resource URIs".
struct KubernetesResource: Sendable, Equatable {
  /// Empty for the core group.
  let group: String
  let version: String
  /// As the URL has it, in lower case and plural: `configmaps`.
  let plural: String

  static let pods = KubernetesResource(group: "", version: "v1", plural: "pods")
  static let secrets = KubernetesResource(group: "", version: "v1", plural: "secrets")
  static let configMaps = KubernetesResource(group: "", version: "v1", plural: "configmaps")
  static let namespaces = KubernetesResource(group: "", version: "v1", plural: "namespaces")
  static let leases = KubernetesResource(
    group: "coordination.k8s.io", version: "v1", plural: "leases")
  /// Is only created, to ask what the server may do; has no namespace.
  static let selfSubjectAccessReviews = KubernetesResource(
    group: "authorization.k8s.io", version: "v1", plural: "selfsubjectaccessreviews")

  /// The value of `apiVersion` in its objects: `v1`, `coordination.k8s.io/v1`.
  var apiVersion: String { group.isEmpty ? version : "\(group)/\(version)" }

  /// The path of one object, of the collection (no name), or of a subresource such as `status`.
  /// A namespace of nil: all of them, or a resource that has none.
  func path(
    in namespace: String? = nil, _ name: String? = nil, _ subresource: String? = nil
  ) -> String {
    var parts = group.isEmpty ? ["api", version] : ["apis", group, version]
    if let namespace { parts += ["namespaces", namespace] }
    parts += [plural, name, subresource].compactMap(\.self)
    return parts.map { "/" + Self.segment($0) }.joined()
  }

  /// Encoded so that no name leads to another object than the one it names.
  private static func segment(_ text: String) -> String {
    precondition(!["", ".", ".."].contains(text), "no name of an object: '\(text)'")
    return PercentEncoding.pathSegment(text)
  }
}
