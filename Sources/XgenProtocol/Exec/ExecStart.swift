/// `ExecStart`: run a command, without a shell.
public struct ExecStart: WirePayload, Equatable, Sendable {
  public static let type = MessageType.execStart

  public var command: String
  /// Without the command itself. Absent and nil mean none: Go writes a nil slice as nil.
  public var args: [String]
  /// On top of the sandbox's own.
  public var env: [String: String]
  /// The workspace when nil. As the client wrote it; see `WorkspacePath`.
  public var cwd: String?
  /// Absent means false.
  public var tty: Bool
  /// 1…65535; both are of use with a tty only.
  public var cols: UInt16?
  public var rows: UInt16?
  /// Extension: the process survives the connection.
  public var resumable: Bool
  /// Extension: for how long. Nil: `WireLimits.defaultDetachSeconds`.
  public var detachSeconds: UInt32?

  public init(
    command: String, args: [String] = [], env: [String: String] = [:], cwd: String? = nil,
    tty: Bool = false, cols: UInt16? = nil, rows: UInt16? = nil, resumable: Bool = false,
    detachSeconds: UInt32? = nil
  ) {
    self.command = command
    self.args = args
    self.env = env
    self.cwd = cwd
    self.tty = tty
    self.cols = cols
    self.rows = rows
    self.resumable = resumable
    self.detachSeconds = detachSeconds
  }
}

extension ExecStart {
  public static func decode(
    _ payload: UnsafeRawBufferPointer
  ) throws(ProtocolError) -> ExecStart {
    let fields = try FieldReader(
      payload, "command", "args", "env", "cwd", "tty", "cols", "rows", "resumable",
      "detach_seconds")
    return ExecStart(
      command: try fields.required("command") { (value) throws(FieldFault) in
        try value.command()
      },
      args: try fields.optional("args") { (value) throws(FieldFault) in
        try value.arguments()
      } ?? [],
      env: try fields.optional("env") { (value) throws(FieldFault) in
        try value.environment()
      } ?? [:],
      cwd: try fields.optionalCString("cwd"),
      tty: try fields.optionalBool("tty") ?? false,
      cols: try fields.optionalTerminalCells("cols"),
      rows: try fields.optionalTerminalCells("rows"),
      resumable: try fields.optionalBool("resumable") ?? false,
      detachSeconds: try fields.optionalInteger("detach_seconds"))
  }

  /// Writes the fields that are set: old peers never see an extension that is not used.
  public func write(into writer: inout MessagePackWriter) {
    let optionals = [
      !env.isEmpty, cwd != nil, cols != nil, rows != nil, resumable, detachSeconds != nil,
    ]
    writer.writeMapHeader(3 + optionals.count { $0 })
    writer.field("command", command)
    writer.field("args", args)
    if !env.isEmpty { writer.field("env", env) }
    if let cwd { writer.field("cwd", cwd) }
    writer.field("tty", tty)
    if let cols { writer.field("cols", cols) }
    if let rows { writer.field("rows", rows) }
    if resumable { writer.field("resumable", true) }
    if let detachSeconds { writer.field("detach_seconds", detachSeconds) }
  }
}

extension MessagePackReader {
  fileprivate mutating func command() throws(FieldFault) -> String {
    let command = try cString()
    guard !command.isEmpty else { throw .empty }
    return command
  }

  fileprivate mutating func arguments() throws(FieldFault) -> [String] {
    let count = try arrayCount(atMost: WireLimits.maxArguments)
    var arguments: [String] = []
    arguments.reserveCapacity(count)
    for _ in 0..<count {
      arguments.append(try cString())
    }
    return arguments
  }

  fileprivate mutating func environment() throws(FieldFault) -> [String: String] {
    let count = try mapCount(atMost: WireLimits.maxEnvironmentVariables)
    var environment: [String: String] = [:]
    environment.reserveCapacity(count)
    for _ in 0..<count {
      let name = try cString()
      guard !name.isEmpty else { throw .empty }
      guard !name.utf8.contains(UInt8(ascii: "=")) else { throw .unrecognized }
      guard environment.updateValue(try cString(), forKey: name) == nil else {
        throw .repeatedName
      }
    }
    return environment
  }
}

extension MessagePackWriter {
  fileprivate mutating func field(_ name: String, _ values: [String]) {
    write(name)
    writeArrayHeader(values.count)
    for value in values { write(value) }
  }

  /// In the order of the names, so that equal values are equal bytes.
  fileprivate mutating func field(_ name: String, _ values: [String: String]) {
    write(name)
    writeMapHeader(values.count)
    for (key, value) in values.sorted(by: { $0.key < $1.key }) { field(key, value) }
  }
}
