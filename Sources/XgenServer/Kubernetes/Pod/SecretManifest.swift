internal import XgenProtocol

/// The Secret of a sandbox: what its sidecar reads at its start. Pure.
///
/// It is there before the pod, and the pod's from when that exists, so that the cluster removes both
/// together; what a crash leaves in between the collector removes.
enum SecretManifest {
  /// Names of its data, and of the files in the pod.
  static let tokenKey = "token"
  static let environmentKey = "environment"
  /// Of a sandbox with a desktop.
  static let desktopPasswordKey = "desktop-password"

  /// `mark`: of a request with an Idempotency-Key, so that another body under the key is noticed
  /// before there is a pod.
  static func object(
    id: String, token: String, environment: [String: String], desktopPassword: String? = nil,
    mark: SandboxRecord.Idempotency?, namespace: String
  ) -> JSONValue {
    var data: [(String, JSONValue)] = [
      (tokenKey, .string(Base64.encode(Array(token.utf8)))),
      (environmentKey, .string(Base64.encode(EnvironmentBlock.encode(environment)))),
    ]
    if let desktopPassword {
      data.append((desktopPasswordKey, .string(Base64.encode(Array(desktopPassword.utf8)))))
    }
    var metadata: [(String, JSONValue)] = [
      ("name", .string(SandboxNames.sandbox(id))), ("namespace", .string(namespace)),
      ("labels", .members(SandboxNames.labels(.sandbox, id: id))),
    ]
    if let mark {
      metadata.append(
        ("annotations", .members([(SandboxAnnotations.bodyHash, .string(mark.bodyHash))])))
    }
    return .members([
      ("apiVersion", "v1"), ("kind", "Secret"), ("type", "Opaque"),
      ("metadata", .members(metadata)),
      ("data", .members(data)),
    ])
  }

  /// A merge patch that makes the pod its owner.
  static func ownership(podName: String, podUID: String) -> JSONValue {
    [
      "metadata": [
        "ownerReferences": [
          [
            "apiVersion": "v1", "kind": "Pod", "name": .string(podName), "uid": .string(podUID),
          ]
        ]
      ]
    ]
  }

  /// A merge patch of the environment, when a warm pod becomes somebody's.
  static func environment(_ variables: [String: String]) -> JSONValue {
    [
      "data": .members([
        (environmentKey, .string(Base64.encode(EnvironmentBlock.encode(variables))))
      ])
    ]
  }
}
