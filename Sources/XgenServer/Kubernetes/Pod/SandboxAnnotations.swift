/// A sandbox's record in the annotations of its pod: all that another replica, or a server that
/// starts anew, must know. The sandbox's environment is not among them: it may hold secrets.
///
/// | annotation | |
/// | --- | --- |
/// | `xgen.io/owner` | name of the API key |
/// | `xgen.io/created-at-ms`, `xgen.io/expires-at-ms` | Unix time |
/// | `xgen.io/ports` | `3000,8080` |
/// | `xgen.io/gui` | `true` |
/// | `xgen.io/metadata`, `xgen.io/resources` | JSON objects, as the client gave them |
/// | `xgen.io/preview-access`, `xgen.io/preview-host` | as in the API |
/// | `xgen.io/link-epoch` | grows when preview links are revoked |
/// | `xgen.io/idempotency-key`, `xgen.io/body-hash`, `xgen.io/answered-expires-at-ms` | with a key |
/// | `xgen.io/ending` | its end has been decided: `expired` |
/// | `xgen.io/spec-hash` | in the warm pool: what the pod was made from |
///
/// They are read as hostile: who may edit pods may have done so.
enum SandboxAnnotations {
  static let owner = "xgen.io/owner"
  static let createdAt = "xgen.io/created-at-ms"
  static let expiresAt = "xgen.io/expires-at-ms"
  static let ports = "xgen.io/ports"
  static let gui = "xgen.io/gui"
  static let metadata = "xgen.io/metadata"
  static let resources = "xgen.io/resources"
  static let previewAccess = "xgen.io/preview-access"
  static let previewHost = "xgen.io/preview-host"
  static let linkEpoch = "xgen.io/link-epoch"
  static let idempotencyKey = "xgen.io/idempotency-key"
  static let bodyHash = "xgen.io/body-hash"
  static let answeredExpiresAt = "xgen.io/answered-expires-at-ms"
  static let ending = "xgen.io/ending"
  static let specHash = "xgen.io/spec-hash"

  static func of(_ record: SandboxRecord) -> [(String, JSONValue)] {
    var members: [(String, JSONValue)] = [
      (owner, .string(record.owner)),
      (createdAt, .string("\(record.createdAtMs)")),
      (expiresAt, .string("\(record.expiresAtMs)")),
      (ports, .string(record.ports.map { "\($0)" }.joined(separator: ","))),
      (gui, .string("\(record.gui)")),
      (
        metadata,
        .string(
          json(
            record.metadata.sorted { $0.key < $1.key }.map {
              ($0.key, JSONValue.string($0.value))
            }))
      ),
      (resources, .string(json(amounts(record.resources)))),
      (previewAccess, .string(record.previews.access.rawValue)),
      (previewHost, .string(record.previews.host.rawValue)),
      (linkEpoch, .string("\(record.previews.linkEpoch)")),
    ]
    if let mark = record.idempotency {
      members += [
        (idempotencyKey, .string(mark.key)), (bodyHash, .string(mark.bodyHash)),
        (answeredExpiresAt, .string("\(record.expiresAtMs)")),
      ]
    }
    return members
  }

  private static func json(_ members: [(String, JSONValue)]) -> String {
    String(decoding: JSONValue.members(members).serialized(), as: UTF8.self)
  }

  private static func amounts(_ asked: SandboxRecord.Resources) -> [(String, JSONValue)] {
    [
      ("cpu_milli", asked.cpuMilli), ("memory_bytes", asked.memoryBytes),
      ("disk_bytes", asked.diskBytes),
    ].compactMap { amount in amount.1.map { (amount.0, .int($0)) } }
  }

  // MARK: Reading

  /// Nil if they are not what `of` would have written.
  static func record(
    id: String, template: String, _ annotations: JSONObject
  ) -> SandboxRecord? {
    func text(_ name: String) -> String? { annotations[name]?.stringValue }
    guard let owner = text(owner), !owner.isEmpty,
      let createdAtMs = moment(text(createdAt)), let expiresAtMs = moment(text(expiresAt)),
      let ports = ports(text(ports) ?? ""), let metadata = texts(text(metadata) ?? "{}"),
      let resources = resources(text(resources) ?? "{}"),
      let previews = previews(text(previewAccess), text(previewHost), text(linkEpoch))
    else { return nil }
    var mark: SandboxRecord.Idempotency?
    if let key = text(idempotencyKey), let hash = text(bodyHash) {
      mark = .init(key: key, bodyHash: hash)
    }
    return SandboxRecord(
      id: id, owner: owner, template: template, env: [:], ports: ports,
      gui: text(gui) == "true", metadata: metadata, resources: resources, previews: previews,
      createdAtMs: createdAtMs, expiresAtMs: expiresAtMs, idempotency: mark)
  }

  static func moment(_ text: String?) -> Int64? {
    guard let text, let moment = Int64(text), Timestamp.unixMilliseconds.contains(moment) else {
      return nil
    }
    return moment
  }

  /// Of a pod made before there were previews: those of a public one. What is there and makes no
  /// sense must not make a private sandbox public.
  private static func previews(
    _ access: String?, _ host: String?, _ epoch: String?
  ) -> SandboxRecord.Previews? {
    guard let access = PreviewAccess(rawValue: access ?? PreviewAccess.public.rawValue),
      let host = PreviewHostField(rawValue: host ?? PreviewHostField.original.rawValue),
      let epoch = Int(epoch ?? "0"), epoch >= 0
    else { return nil }
    return SandboxRecord.Previews(access: access, host: host, linkEpoch: epoch)
  }

  private static func ports(_ text: String) -> [UInt16]? {
    let parts = text.split(separator: ",")
    let ports = parts.compactMap { UInt16($0) }.filter { $0 > 0 }
    return ports.count == parts.count && ports.count <= Limits.maxPorts ? ports : nil
  }

  private static func texts(_ text: String) -> [String: String]? {
    guard let value = try? JSONParser.parse(Array(text.utf8)), let object = value.objectValue,
      object.members.count <= Limits.maxMetadataEntries
    else { return nil }
    var texts: [String: String] = [:]
    for member in object.members {
      guard let value = member.value.stringValue else { return nil }
      texts[member.name] = value
    }
    return texts
  }

  private static func resources(_ text: String) -> SandboxRecord.Resources? {
    guard let value = try? JSONParser.parse(Array(text.utf8)), value.objectValue != nil else {
      return nil
    }
    return SandboxRecord.Resources(
      cpuMilli: value["cpu_milli"]?.intValue, memoryBytes: value["memory_bytes"]?.intValue,
      diskBytes: value["disk_bytes"]?.intValue)
  }
}
