/// The Lease by which replicas agree who looks after what belongs to nobody. Pure.
///
/// Source: Kubernetes, `coordination/v1` LeaseSpec; times are MicroTime.
enum LeaseManifest {
  static let name = "xgen-server"

  static func object(
    identity: String, nowMs: Int64, acquiredMs: Int64, transitions: Int, resourceVersion: String?,
    namespace: String
  ) -> JSONValue {
    var metadata: [(String, JSONValue)] = [
      ("name", .string(name)), ("namespace", .string(namespace)),
      (
        "labels",
        .members([(SandboxNames.managedByLabel, .string(SandboxNames.managedBy))])
      ),
    ]
    if let resourceVersion { metadata.append(("resourceVersion", .string(resourceVersion))) }
    return .members([
      ("apiVersion", .string(KubernetesResource.leases.apiVersion)), ("kind", "Lease"),
      ("metadata", .members(metadata)),
      (
        "spec",
        .members([
          ("holderIdentity", .string(identity)),
          ("leaseDurationSeconds", .int(Int64(KubernetesBackendLimits.leaseSeconds))),
          ("acquireTime", .string(microTime(acquiredMs))),
          ("renewTime", .string(microTime(nowMs))),
          ("leaseTransitions", .int(Int64(transitions))),
        ])
      ),
    ])
  }

  static func observed(_ object: JSONValue) -> LeaseElection.Observed? {
    guard let version = KubernetesObject.resourceVersion(object), let spec = object["spec"] else {
      return nil
    }
    func number(_ name: String) -> Int? {
      spec[name]?.intValue.flatMap { Int(exactly: $0) }.flatMap {
        (0...1_000_000).contains($0) ? $0 : nil
      }
    }
    return LeaseElection.Observed(
      holder: spec["holderIdentity"]?.stringValue ?? "",
      durationSeconds: number("leaseDurationSeconds") ?? KubernetesBackendLimits.leaseSeconds,
      transitions: number("leaseTransitions") ?? 0, resourceVersion: version)
  }

  /// `2024-01-15T12:00:00.250000Z`
  private static func microTime(_ unixMs: Int64) -> String {
    "\(Timestamp(unixMilliseconds: unixMs))".dropLast() + "000Z"
  }
}
