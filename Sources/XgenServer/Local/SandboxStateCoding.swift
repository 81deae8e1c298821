// The state file: a JSON object, written by us and read by a later server.

extension SandboxState {
  /// Members in alphabetical order where they come from a dictionary: the same state, the same
  /// bytes.
  func encoded() -> [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("version", int: Self.version)
    writer.member("boot_id", bootID)
    writer.member("uid", int: uid.map(Int64.init))
    writer.limits(limits)
    if let processes {
      writer.member("sidecar", processes.sidecar)
      writer.member("monitor", processes.monitor)
      if let network = processes.network { writer.member("network", network) }
    }
    writer.key("record")
    writer.record(record)
    writer.endObject()
    return writer.bytes
  }

  /// Throws for whatever `encoded` would not have written.
  init(decoding bytes: [UInt8]) throws(LocalError) {
    do throws(FieldError) {
      let fields = try JSONFields(try Self.parse(bytes))
      guard try fields.int("version") == Int(Self.version) else {
        throw fields.error("version", "must be \(Self.version)")
      }
      uid = try fields.number("uid", as: UInt32.self)
      bootID = try fields.requiredString("boot_id")
      limits = try Self.limits(fields)
      processes = try Self.processes(fields)
      guard let record = try fields.fields("record") else {
        throw fields.error("record", "is required")
      }
      self.record = try SandboxRecord(record)
    } catch {
      throw .malformed("state file: \(error)")
    }
  }

  private static func parse(_ bytes: [UInt8]) throws(FieldError) -> JSONValue {
    do {
      return try JSONParser.parse(bytes)
    } catch {
      throw FieldError(field: "", expectation: "is not JSON: \(error)")
    }
  }

  private static func limits(_ fields: JSONFields) throws(FieldError) -> SandboxLimits {
    guard let limits = try fields.fields("limits") else {
      throw fields.error("limits", "is required")
    }
    return SandboxLimits(
      cpuMilli: try limits.positive("cpu_milli"), memoryBytes: try limits.positive("memory_bytes"),
      diskBytes: try limits.positive("disk_bytes"))
  }

  private static func processes(_ fields: JSONFields) throws(FieldError) -> Processes? {
    guard let sidecar = try fields.process("sidecar") else { return nil }
    guard let monitor = try fields.process("monitor") else {
      throw fields.error("monitor", "is required")
    }
    return Processes(
      sidecar: sidecar, monitor: monitor, network: try fields.process("network"))
  }
}

// MARK: Writing

extension JSONWriter {
  fileprivate mutating func member(_ name: String, _ text: String) {
    key(name)
    string(text)
  }

  fileprivate mutating func member(_ name: String, int number: Int64?) {
    guard let number else { return }
    key(name)
    int(number)
  }

  fileprivate mutating func member(_ name: String, _ process: HostProcess) {
    key(name)
    beginObject()
    member("pid", int: Int64(process.pid))
    member("start_ticks", int: Int64(clamping: process.startTicks))
    endObject()
  }

  fileprivate mutating func member(_ name: String, _ texts: [String: String]) {
    key(name)
    beginObject()
    for (name, text) in texts.sorted(by: { $0.key < $1.key }) { member(name, text) }
    endObject()
  }

  fileprivate mutating func record(_ record: SandboxRecord) {
    beginObject()
    member("id", record.id)
    member("owner", record.owner)
    member("template", record.template)
    member("env", record.env)
    member("metadata", record.metadata)
    key("ports")
    beginArray()
    for port in record.ports { int(port) }
    endArray()
    key("gui")
    bool(record.gui)
    member("created_at_ms", int: record.createdAtMs)
    member("expires_at_ms", int: record.expiresAtMs)
    resources(record.resources)
    previews(record.previews)
    if let network = record.network { member("network", network.rawValue) }
    if let idempotency = record.idempotency { self.idempotency(idempotency) }
    endObject()
  }

  fileprivate mutating func limits(_ limits: SandboxLimits) {
    key("limits")
    beginObject()
    member("cpu_milli", int: limits.cpuMilli)
    member("memory_bytes", int: limits.memoryBytes)
    member("disk_bytes", int: limits.diskBytes)
    endObject()
  }

  private mutating func resources(_ resources: SandboxRecord.Resources) {
    key("resources")
    beginObject()
    member("cpu_milli", int: resources.cpuMilli)
    member("memory_bytes", int: resources.memoryBytes)
    member("disk_bytes", int: resources.diskBytes)
    endObject()
  }

  private mutating func previews(_ previews: SandboxRecord.Previews) {
    key("previews")
    beginObject()
    member("access", previews.access.rawValue)
    member("host", previews.host.rawValue)
    member("link_epoch", int: Int64(previews.linkEpoch))
    endObject()
  }

  private mutating func idempotency(_ idempotency: SandboxRecord.Idempotency) {
    key("idempotency")
    beginObject()
    member("key", idempotency.key)
    member("body_hash", idempotency.bodyHash)
    endObject()
  }
}

// MARK: Reading

extension SandboxRecord {
  fileprivate init(_ fields: JSONFields) throws(FieldError) {
    let ports = try fields.ints("ports") ?? []
    guard ports.allSatisfy({ 1...65_535 ~= $0 }) else {
      throw fields.error("ports", "must be port numbers")
    }
    self.init(
      id: try fields.requiredString("id"), owner: try fields.requiredString("owner"),
      template: try fields.requiredString("template"), env: try fields.dictionary("env"),
      ports: ports.map { UInt16($0) }, gui: try fields.bool("gui") ?? false,
      metadata: try fields.dictionary("metadata"),
      resources: try Resources(try fields.fields("resources")),
      previews: try Previews(try fields.fields("previews")),
      createdAtMs: try fields.requiredMoment("created_at_ms"),
      expiresAtMs: try fields.requiredMoment("expires_at_ms"),
      idempotency: try Idempotency(try fields.fields("idempotency")),
      network: try fields.network("network"))
  }
}

extension SandboxRecord.Resources {
  fileprivate init(_ fields: JSONFields?) throws(FieldError) {
    self.init(
      cpuMilli: try fields?.number("cpu_milli"), memoryBytes: try fields?.number("memory_bytes"),
      diskBytes: try fields?.number("disk_bytes"))
  }
}

extension SandboxRecord.Previews {
  /// Sandboxes of an earlier server have none.
  fileprivate init(_ fields: JSONFields?) throws(FieldError) {
    guard let fields else {
      self.init()
      return
    }
    guard let access = PreviewAccess(rawValue: try fields.requiredString("access")),
      let host = PreviewHostField(rawValue: try fields.requiredString("host"))
    else { throw fields.error("access", "is not known") }
    self.init(access: access, host: host, linkEpoch: try fields.required("link_epoch"))
  }
}

extension SandboxRecord.Idempotency {
  fileprivate init?(_ fields: JSONFields?) throws(FieldError) {
    guard let fields else { return nil }
    self.init(
      key: try fields.requiredString("key"), bodyHash: try fields.requiredString("body_hash"))
  }
}

extension JSONFields {
  /// An integer that fits its type.
  fileprivate func number<Number: FixedWidthInteger>(
    _ name: String, as: Number.Type = Number.self
  ) throws(FieldError) -> Number? {
    guard let wide = try int(name) else { return nil }
    guard let number = Number(exactly: wide) else { throw error(name, "is out of range") }
    return number
  }

  fileprivate func required<Number: FixedWidthInteger>(
    _ name: String
  ) throws(FieldError) -> Number {
    guard let number: Number = try number(name) else { throw error(name, "is required") }
    return number
  }

  fileprivate func requiredMoment(_ name: String) throws(FieldError) -> Int64 {
    guard let moment = try moment(name) else { throw error(name, "is required") }
    return moment
  }

  fileprivate func positive(_ name: String) throws(FieldError) -> Int64 {
    let number: Int64 = try required(name)
    guard number > 0 else { throw error(name, "is out of range") }
    return number
  }

  fileprivate func process(_ name: String) throws(FieldError) -> HostProcess? {
    guard let fields = try fields(name) else { return nil }
    let pid: Int32 = try fields.required("pid")
    // Pid 1 and below are the host's init, every process, or a group: never a sandbox.
    guard pid > 1 else { throw fields.error("pid", "is out of range") }
    return HostProcess(pid: pid, startTicks: try fields.required("start_ticks"))
  }

  fileprivate func network(_ name: String) throws(FieldError) -> SandboxNetwork? {
    guard let text = try string(name) else { return nil }
    guard let network = SandboxNetwork(rawValue: text) else {
      throw error(name, "is not known")
    }
    return network
  }

  fileprivate func dictionary(_ name: String) throws(FieldError) -> [String: String] {
    var texts: [String: String] = [:]
    for member in try stringMembers(name) ?? [] { texts[member.name] = member.value }
    return texts
  }
}
