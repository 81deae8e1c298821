/// What our objects in the cluster are called, and how they are told from others'.
enum SandboxNames {
  static let nameLabel = "app.kubernetes.io/name"
  static let managedByLabel = "app.kubernetes.io/managed-by"
  static let managedBy = "xgen-server"
  static let idLabel = "xgen.io/sandbox-id"
  static let templateLabel = "xgen.io/template"
  static let ownerLabel = "xgen.io/owner"
  /// The template whose pool a pod waits in; gone once the pod is a client's.
  static let poolLabel = "xgen.io/pool"

  /// The container that the sidecar runs in, and what its port is called there.
  static let runtimeContainer = "runtime"
  static let sidecarPort = "sidecar"

  /// The value of `nameLabel`.
  enum Kind: String, Sendable {
    /// Pods and their Secrets.
    case sandbox = "xgen-sandbox"
    /// ConfigMaps that tell of ends.
    case end = "xgen-sandbox-end"

    var selector: String { "\(nameLabel)=\(rawValue)" }
  }

  /// Of a pod and of its Secret.
  static func sandbox(_ id: String) -> String { "sbx-\(id)" }

  static func end(_ id: String) -> String { "sbx-\(id)-end" }

  /// A label holds 63 characters of few kinds; another name is told by its hash. The whole name is
  /// in an annotation.
  static func ownerLabelValue(_ owner: String) -> String {
    let isPlain = owner.utf8.allSatisfy {
      0x61...0x7A ~= $0 || 0x41...0x5A ~= $0 || 0x30...0x39 ~= $0 || "-_.".utf8.contains($0)
    }
    let edges = [owner.utf8.first, owner.utf8.last].allSatisfy {
      $0.map { !"-_.".utf8.contains($0) } ?? false
    }
    if isPlain, edges, owner.utf8.count <= 63, !owner.hasPrefix("sha256-") { return owner }
    return "sha256-" + SHA256.hexHash(Array(owner.utf8)).prefix(40)
  }

  static func labels(
    _ kind: Kind, id: String, template: String? = nil, owner: String? = nil, pool: String? = nil
  ) -> [(String, JSONValue)] {
    var labels: [(String, JSONValue)] = [
      (nameLabel, .string(kind.rawValue)), (managedByLabel, .string(managedBy)),
      (idLabel, .string(id)),
    ]
    if let template { labels.append((templateLabel, .string(template))) }
    if let owner { labels.append((ownerLabel, .string(ownerLabelValue(owner)))) }
    if let pool { labels.append((poolLabel, .string(pool))) }
    return labels
  }
}
