internal import XgenProtocol

/// The container of a sandbox's display. It shares the pod's network, so that its page is reached as
/// any server inside is, and the folder of the display's socket; nothing else.
extension PodManifest {
  static let desktopContainer = "desktop"
  private static let scratchPath = "/tmp"
  private static let displayPath = "/tmp/.X11-unix"

  static let displayMount: JSONValue = ["name": "display", "mountPath": .string(displayPath)]

  static let desktopVolumes: [JSONValue] = [
    ["name": "display", "emptyDir": ["sizeLimit": "1Mi"]],
    ["name": "desktop", "emptyDir": ["sizeLimit": "64Mi"]],
  ]

  /// What a display of 1280×800 and a browser that looks at it need is a quarter of that.
  private static let desktopLimits = SandboxLimits(
    cpuMilli: 1000, memoryBytes: 512 << 20, diskBytes: 64 << 20)

  var desktop: JSONValue {
    [
      "name": .string(Self.desktopContainer),
      "image": .string(options.desktopImage ?? ""),
      "imagePullPolicy": .string(options.pullPolicy.rawValue),
      "command": .array((Self.sidecar + ["desktop"]).map { .string($0) }),
      "workingDir": .string(Self.scratchPath),
      "env": [
        ["name": "HOME", "value": .string(Self.scratchPath)],
        [
          "name": .string(DesktopConventions.passwordVariable),
          "valueFrom": [
            "secretKeyRef": [
              "name": .string(SandboxNames.sandbox(id)),
              "key": .string(SecretManifest.desktopPasswordKey),
            ]
          ],
        ],
      ],
      "securityContext": Self.restricted(readOnlyRoot: true),
      "resources": [
        "limits": Self.amounts(Self.desktopLimits),
        "requests": Self.amounts(template.requests(Self.desktopLimits)),
      ],
      // Why there is no desktop: the last lines that it has written.
      "terminationMessagePolicy": "FallbackToLogsOnError",
      "volumeMounts": [
        Self.bundleMount,
        ["name": "desktop", "mountPath": .string(Self.scratchPath)],
        Self.displayMount,
      ],
    ]
  }
}
