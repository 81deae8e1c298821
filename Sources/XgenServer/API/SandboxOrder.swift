/// What a client asks for when it creates a sandbox, checked (spec/api.md, Sandboxes).
struct SandboxOrder: Sendable, Equatable {
  static let templates = ["base", "nodejs", "python", "go", "gui"]

  let template: String
  let timeoutSeconds: Int
  let env: [String: String]
  let ports: [UInt16]
  let gui: Bool
  let metadata: [String: String]
  let resources: SandboxRecord.Resources
  let previews: SandboxRecord.Previews
  /// Nil where the backend does not choose it.
  let network: SandboxNetwork?

  /// `network`: what the backend gives at most, and by default.
  init(
    _ fields: JSONFields, defaultTimeoutSeconds: Int, maxTimeoutSeconds: Int,
    defaultAccess: PreviewAccess = .public, network mostNetwork: SandboxNetwork? = nil
  ) throws(FieldError) {
    template = try fields.string("template") ?? "base"
    if !Self.templates.contains(template) {
      let known = Self.templates.joined(separator: ", ")
      throw fields.error("template", "must be one of \(known)")
    }
    let timeout = try fields.int("timeout_seconds") ?? 0
    timeoutSeconds = timeout <= 0 ? defaultTimeoutSeconds : min(timeout, maxTimeoutSeconds)
    env = try Self.env(fields)
    ports = try Self.ports(fields)
    gui = try fields.bool("gui") ?? false
    metadata = try Self.metadata(fields)
    resources = try Self.resources(fields)
    previews = SandboxRecord.Previews(
      access: try Self.choice(fields, "preview_access") ?? defaultAccess,
      host: try Self.choice(fields, "preview_host") ?? .original)
    network = try Self.network(fields, mostNetwork)
  }

  private static func network(
    _ fields: JSONFields, _ most: SandboxNetwork?
  ) throws(FieldError) -> SandboxNetwork? {
    guard let asked: SandboxNetwork = try choice(fields, "network") else { return most }
    guard let most else { throw fields.error("network", "is not this server's to choose") }
    if asked.isWithin(most) { return asked }
    throw fields.error("network", "must be \(most.rawValue) on this server (--local-network)")
  }

  private static func env(_ fields: JSONFields) throws(FieldError) -> [String: String] {
    let members = try fields.stringMembers("env") ?? []
    if members.count > Limits.maxEnvEntries {
      throw fields.error("env", "must have at most \(Limits.maxEnvEntries) entries")
    }
    var env: [String: String] = [:]
    for member in members {
      let name = "env.\(member.name.prefix(64))"
      if !isEnvName(member.name) {
        throw fields.error(name, "the name must match ^[A-Za-z_][A-Za-z0-9_]*$")
      }
      if isReserved(member.name) { throw fields.error(name, "is set by the server") }
      if member.value.utf8.contains(0) || member.value.utf8.count > Limits.maxEnvValueBytes {
        throw fields.error(
          name, "must be without NUL and at most \(Limits.maxEnvValueBytes) bytes")
      }
      env[member.name] = member.value
    }
    return env
  }

  static func isEnvName(_ name: String) -> Bool {
    guard let first = name.utf8.first, name.utf8.count <= 256, !(48...57).contains(first) else {
      return false
    }
    return name.utf8.allSatisfy {
      (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0) || $0 == 95
    }
  }

  private static func isReserved(_ name: String) -> Bool {
    ["PATH", "HOME", "USER", "SHELL"].contains(name)
      || ["KUBERNETES_", "LD_", "SANDBOX_"].contains { name.hasPrefix($0) }
  }

  private static func ports(_ fields: JSONFields) throws(FieldError) -> [UInt16] {
    let numbers = try fields.ints("ports") ?? []
    if numbers.count > Limits.maxPorts {
      throw fields.error("ports", "must have at most \(Limits.maxPorts) entries")
    }
    var ports: [UInt16] = []
    for number in numbers {
      guard (1...65535).contains(number) else {
        throw fields.error("ports", "must be numbers from 1 to 65535")
      }
      if ports.contains(UInt16(number)) {
        throw fields.error("ports", "must not repeat \(number)")
      }
      ports.append(UInt16(number))
    }
    return ports
  }

  private static func metadata(_ fields: JSONFields) throws(FieldError) -> [String: String] {
    let members = try fields.stringMembers("metadata") ?? []
    if members.count > Limits.maxMetadataEntries {
      throw fields.error("metadata", "must have at most \(Limits.maxMetadataEntries) entries")
    }
    var metadata: [String: String] = [:]
    for member in members {
      if member.name.utf8.count > Limits.maxMetadataKeyBytes
        || member.value.utf8.count > Limits.maxMetadataValueBytes
      {
        throw fields.error(
          "metadata",
          "keys are at most \(Limits.maxMetadataKeyBytes) bytes, "
            + "values \(Limits.maxMetadataValueBytes)")
      }
      metadata[member.name] = member.value
    }
    return metadata
  }

  private static func choice<Choice: RawRepresentable<String> & CaseIterable>(
    _ fields: JSONFields, _ name: String
  ) throws(FieldError) -> Choice? {
    guard let text = try fields.string(name) else { return nil }
    guard let choice = Choice(rawValue: text) else {
      let known = Choice.allCases.map(\.rawValue).joined(separator: ", ")
      throw fields.error(name, "must be one of \(known)")
    }
    return choice
  }

  private static func resources(
    _ fields: JSONFields
  ) throws(FieldError) -> SandboxRecord.Resources {
    guard let asked = try fields.fields("resources") else { return .init() }
    return SandboxRecord.Resources(
      cpuMilli: try amount(asked, .cpu), memoryBytes: try amount(asked, .memory),
      diskBytes: try amount(asked, .disk))
  }

  private static func amount(
    _ fields: JSONFields, _ name: ResourceName
  ) throws(FieldError) -> Int64? {
    guard let text = try fields.string(name.rawValue) else { return nil }
    guard let value = name.parse(text) else {
      throw fields.error(name.rawValue, "must be a quantity such as \"500m\" or \"1Gi\"")
    }
    if value > name.bounds.upperBound {
      throw fields.error(name.rawValue, "must be at most \(name.most)")
    }
    return max(value, name.bounds.lowerBound)
  }
}
