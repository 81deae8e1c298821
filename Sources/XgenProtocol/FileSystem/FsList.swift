/// `FsList {path}`.
public struct FsList: WirePayload, Equatable, Sendable {
  public static let type = MessageType.fsList

  /// As the client wrote it; see `WorkspacePath`.
  public var path: String

  public init(path: String) {
    self.path = path
  }

  public static func decode(_ payload: UnsafeRawBufferPointer) throws(ProtocolError) -> FsList {
    FsList(path: try FieldReader(payload, "path").cString("path"))
  }

  public func write(into writer: inout MessagePackWriter) {
    writer.writeMapHeader(1)
    writer.field("path", path)
  }
}

/// The reply to `FsList`, of the same type.
public struct FsListReply: WirePayload, Equatable, Sendable {
  public static let type = MessageType.fsList

  public var entries: [FsEntry]

  public init(entries: [FsEntry]) {
    self.entries = entries
  }

  public static func decode(
    _ payload: UnsafeRawBufferPointer
  ) throws(ProtocolError) -> FsListReply {
    FsListReply(
      entries: try readArray(payload) { (reader) throws(ProtocolError) in
        try FsEntry.decode(payload, &reader)
      })
  }

  public func write(into writer: inout MessagePackWriter) {
    writer.writeArrayHeader(entries.count)
    for entry in entries { entry.write(into: &writer) }
  }
}

/// One name in a directory.
public struct FsEntry: Equatable, Sendable {
  public var name: String
  public var size: UInt64
  public var isDirectory: Bool
  /// Unix seconds.
  public var modifiedAt: Int64

  public init(name: String, size: UInt64, isDirectory: Bool, modifiedAt: Int64) {
    self.name = name
    self.size = size
    self.isDirectory = isDirectory
    self.modifiedAt = modifiedAt
  }

  /// Reads either spelling; the one with an underscore wins.
  fileprivate static func decode(
    _ payload: UnsafeRawBufferPointer, _ reader: inout MessagePackReader
  ) throws(ProtocolError) -> FsEntry {
    let fields = try FieldReader(
      payload, &reader, ["name", "size", "is_dir", "isDir", "mod_time", "modTime"])
    let camelIsDirectory = try fields.optionalBool("isDir")
    let camelModifiedAt: Int64? = try fields.optionalInteger("modTime")
    guard let isDirectory = try fields.optionalBool("is_dir") ?? camelIsDirectory else {
      throw .missingField("is_dir")
    }
    guard let modifiedAt = try fields.optionalInteger("mod_time") ?? camelModifiedAt else {
      throw .missingField("mod_time")
    }
    return FsEntry(
      name: try fields.string("name"), size: try fields.integer("size"),
      isDirectory: isDirectory, modifiedAt: modifiedAt)
  }

  /// Writes both spellings: some clients read the one, some the other.
  fileprivate func write(into writer: inout MessagePackWriter) {
    writer.writeMapHeader(6)
    writer.field("name", name)
    writer.field("size", size)
    writer.field("isDir", isDirectory)
    writer.field("is_dir", isDirectory)
    writer.field("modTime", modifiedAt)
    writer.field("mod_time", modifiedAt)
  }
}
