internal import XgenProtocol

/// The pod of a sandbox, as it is sent to the cluster. Pure.
///
/// ```
/// sbx-{id}
/// ├─ init container `bundle`   the sidecar's image: copies the bundle into the volume
/// ├─ container `runtime`       the template's image, started as the bundle's sidecar (PID 1)
/// ├─ container `desktop`       with gui: the display, in an image of its own (`+Desktop`)
/// └─ volumes  bundle → /xgen (read-only) · secret → /xgen-secret · workspace → /home/sandbox
///             with gui: display → /tmp/.X11-unix of both containers · desktop → its /tmp
/// ```
///
/// It passes the `restricted` Pod Security Standard: no root, no capability, no escalation, the
/// runtime's seccomp profile, no volume but emptyDir and Secret, no service account token.
struct PodManifest {
  let id: String
  let templateName: String
  let template: PodTemplate
  let limits: SandboxLimits
  /// Nil for a pod of the warm pool.
  let record: SandboxRecord?
  let options: KubernetesOptions

  static let bundleContainer = "bundle"
  static let user: Int64 = 1000
  static let bundlePath = "/xgen"
  private static let secretPath = "/xgen-secret"
  private static let home = "/home/sandbox"

  var object: JSONValue {
    object(annotations: record.map { SandboxAnnotations.of($0) } ?? [])
  }

  /// The pod of a warm pool. `specHash`: what tells it from one of another template.
  func poolObject(_ specHash: String) -> JSONValue {
    object(annotations: [(SandboxAnnotations.specHash, .string(specHash))])
  }

  private func object(annotations: [(String, JSONValue)]) -> JSONValue {
    var metadata: [(String, JSONValue)] = [
      ("name", .string(SandboxNames.sandbox(id))), ("namespace", .string(options.namespace)),
      (
        "labels",
        .members(
          SandboxNames.labels(
            .sandbox, id: id, template: templateName, owner: record?.owner,
            pool: record == nil ? templateName : nil))
      ),
    ]
    if !annotations.isEmpty { metadata.append(("annotations", .members(annotations))) }
    return .members([
      ("apiVersion", "v1"), ("kind", "Pod"), ("metadata", .members(metadata)), ("spec", spec),
    ])
  }

  private var spec: JSONValue {
    var members: [(String, JSONValue)] = [
      ("restartPolicy", "Never"),
      ("automountServiceAccountToken", false),
      ("enableServiceLinks", false),
      ("terminationGracePeriodSeconds", .int(Int64(KubernetesBackendLimits.graceSeconds))),
      ("activeDeadlineSeconds", .int(Int64(KubernetesBackendLimits.backstopSeconds))),
      (
        "securityContext",
        [
          "runAsNonRoot": true, "runAsUser": .int(Self.user), "runAsGroup": .int(Self.user),
          "fsGroup": .int(Self.user), "seccompProfile": ["type": "RuntimeDefault"],
        ]
      ),
      ("initContainers", [bundle]),
      ("containers", .array(hasDesktop ? [runtime, desktop] : [runtime])),
      ("volumes", volumes),
    ]
    if !template.nodeSelector.isEmpty {
      let labels = template.nodeSelector.sorted { $0.key < $1.key }
      members.append(("nodeSelector", .members(labels.map { ($0.key, .string($0.value)) })))
    }
    if !template.tolerations.isEmpty {
      members.append(("tolerations", .array(template.tolerations)))
    }
    if let name = template.runtimeClassName {
      members.append(("runtimeClassName", .string(name)))
    }
    return .members(members)
  }

  // MARK: Containers

  private var bundle: JSONValue {
    [
      "name": .string(Self.bundleContainer),
      "image": .string(options.sidecarImage ?? ""),
      "imagePullPolicy": .string(options.pullPolicy.rawValue),
      "args": ["install", .string(Self.bundlePath)],
      "securityContext": Self.restricted(readOnlyRoot: true),
      "resources": [
        "limits": ["cpu": "1", "memory": "64Mi", "ephemeral-storage": "64Mi"],
        "requests": ["cpu": "10m", "memory": "16Mi", "ephemeral-storage": "16Mi"],
      ],
      "volumeMounts": [["name": "bundle", "mountPath": .string(Self.bundlePath)]],
    ]
  }

  var hasDesktop: Bool { record?.gui == true }

  private var runtime: JSONValue {
    let port = JSONValue.int(Int64(options.sidecarPort))
    return [
      "name": .string(SandboxNames.runtimeContainer),
      "image": .string(template.image),
      "imagePullPolicy": .string(options.pullPolicy.rawValue),
      "command": .array(command.map { .string($0) }),
      "workingDir": .string(Self.home),
      "env": .array(environment),
      "ports": [
        ["name": .string(SandboxNames.sidecarPort), "containerPort": port, "protocol": "TCP"]
      ],
      "securityContext": Self.restricted(readOnlyRoot: false),
      "resources": ["limits": Self.amounts(enforced), "requests": Self.amounts(requests)],
      "readinessProbe": [
        "httpGet": ["path": "/healthz", "port": port], "periodSeconds": 1,
        "timeoutSeconds": 5, "failureThreshold": 3,
      ],
      "volumeMounts": .array(
        [
          Self.bundleMount,
          ["name": "secret", "mountPath": .string(Self.secretPath), "readOnly": true],
          ["name": "workspace", "mountPath": .string(Self.home)],
        ] + (hasDesktop ? [Self.displayMount] : [])),
    ]
  }

  static let bundleMount: JSONValue = [
    "name": "bundle", "mountPath": .string(bundlePath), "readOnly": true,
  ]

  /// The bundle's program, whatever image it is in.
  static let sidecar = [
    "\(bundlePath)/ld.so", "--library-path", "\(bundlePath)/lib", "\(bundlePath)/xgen-sidecar",
  ]

  private var command: [String] {
    Self.sidecar + [
      "serve", "--listen", ":\(options.sidecarPort)",
      "--token-file", "\(Self.secretPath)/\(SecretManifest.tokenKey)",
      "--env-file", "\(Self.secretPath)/\(SecretManifest.environmentKey)",
      "--max-open-files", "\(KubernetesBackendLimits.maxOpenFiles)",
    ] + (template.command.isEmpty ? [] : ["--"] + template.command)
  }

  /// What an image does not know of our user. The rest of the sandbox's environment is in the Secret.
  private var environment: [JSONValue] {
    var variables = [("HOME", Self.home), ("USER", "sandbox")]
    if hasDesktop {
      variables.append((DesktopConventions.displayVariable, DesktopConventions.display))
    }
    return variables.map { ["name": .string($0.0), "value": .string($0.1)] }
  }

  private var requests: SandboxLimits { template.requests(limits) }

  /// The bundle lies on the pod's disk, too, and is not the client's.
  private var enforced: SandboxLimits {
    var limits = limits
    limits.diskBytes += KubernetesBackendLimits.bundleBytes
    return limits
  }

  static func amounts(_ limits: SandboxLimits) -> JSONValue {
    [
      "cpu": .string("\(limits.cpuMilli)m"), "memory": .string("\(limits.memoryBytes)"),
      "ephemeral-storage": .string("\(limits.diskBytes)"),
    ]
  }

  static func restricted(readOnlyRoot: Bool) -> JSONValue {
    [
      "allowPrivilegeEscalation": false, "privileged": false, "runAsNonRoot": true,
      "runAsUser": .int(user), "readOnlyRootFilesystem": .bool(readOnlyRoot),
      "capabilities": ["drop": ["ALL"]], "seccompProfile": ["type": "RuntimeDefault"],
    ]
  }

  private var volumes: JSONValue {
    .array(sandboxVolumes + (hasDesktop ? Self.desktopVolumes : []))
  }

  private var sandboxVolumes: [JSONValue] {
    [
      [
        "name": "bundle",
        "emptyDir": ["sizeLimit": .string("\(KubernetesBackendLimits.bundleBytes)")],
      ],
      [
        "name": "secret",
        "secret": ["secretName": .string(SandboxNames.sandbox(id)), "defaultMode": 0o400],
      ],
      ["name": "workspace", "emptyDir": ["sizeLimit": .string("\(limits.diskBytes)")]],
    ]
  }
}
