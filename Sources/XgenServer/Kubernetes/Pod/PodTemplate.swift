/// What a template means on Kubernetes.
struct PodTemplate: Sendable, Equatable {
  var image: String
  /// What a sandbox runs from its start, beside what clients run; empty: nothing.
  var command: [String] = []
  /// Of a sandbox that asks for none.
  var defaults: SandboxLimits
  /// The most that a sandbox may ask for.
  var maximum: SandboxLimits
  /// What the scheduler sets aside, of what the sandbox may use: 1 is all of it. Sandboxes are idle
  /// most of the time.
  var requestShare = PodTemplate.defaultRequestShare
  var nodeSelector: [String: String] = [:]
  /// As Kubernetes writes them.
  var tolerations: [JSONValue] = []
  var runtimeClassName: String?
  /// Added to the environment of every command.
  var environment: [String: String] = [:]

  static let defaultRequestShare = 1.0 / 16

  /// What the scheduler is asked to set aside for `limits`.
  func requests(_ limits: SandboxLimits) -> SandboxLimits {
    func share(_ amount: Int64, atLeast least: Int64) -> Int64 {
      min(amount, max(least, Int64(Double(amount) * requestShare)))
    }
    return SandboxLimits(
      cpuMilli: share(limits.cpuMilli, atLeast: 10),
      memoryBytes: share(limits.memoryBytes, atLeast: 16 << 20),
      diskBytes: share(limits.diskBytes, atLeast: 16 << 20))
  }

  /// What a sandbox of this template gets; throws what a client is told that asks for too much.
  func limits(_ asked: SandboxRecord.Resources) throws(FieldError) -> SandboxLimits {
    let limits = SandboxLimits(asked, defaults: defaults)
    for name in ResourceName.allCases where limits[name] > maximum[name] {
      let most = name == .cpu ? "\(maximum.cpuMilli)m" : Quantity.binary(maximum[name])
      throw FieldError(
        field: "resources.\(name.rawValue)", expectation: "must be at most \(most)")
    }
    return limits
  }
}

/// The templates of this server: those of the reference, as the operator's file changes them.
struct PodTemplates: Sendable, Equatable {
  let byName: [String: PodTemplate]

  subscript(name: String) -> PodTemplate? { byName[name] }

  /// Those that are known without a file. A desktop has a container of its own: what draws on it is
  /// any image's.
  static func standard(baseImage: String, defaults: SandboxLimits) -> PodTemplates {
    func template(_ image: String, _ environment: [String: String] = [:]) -> PodTemplate {
      PodTemplate(image: image, defaults: defaults, maximum: .most, environment: environment)
    }
    return PodTemplates(byName: [
      "base": template(baseImage),
      "python": template(
        "docker.io/library/python:3.12-slim", ["PIP_BREAK_SYSTEM_PACKAGES": "1"]),
      "nodejs": template("docker.io/library/node:22-slim"),
      "go": template("docker.io/library/golang:1.24"),
      "gui": template(baseImage),
    ])
  }
}

extension SandboxLimits {
  /// What spec/api.md allows at all.
  static let most = SandboxLimits(
    cpuMilli: ResourceName.cpu.bounds.upperBound,
    memoryBytes: ResourceName.memory.bounds.upperBound,
    diskBytes: ResourceName.disk.bounds.upperBound)
}
