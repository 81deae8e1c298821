/// `FsRead {path}`. The reply has the same type and the file's raw bytes.
public struct FsRead: WirePayload, Equatable, Sendable {
  public static let type = MessageType.fsRead

  /// As the client wrote it; see `WorkspacePath`.
  public var path: String

  public init(path: String) {
    self.path = path
  }

  public static func decode(_ payload: UnsafeRawBufferPointer) throws(ProtocolError) -> FsRead {
    FsRead(path: try FieldReader(payload, "path").cString("path"))
  }

  public func write(into writer: inout MessagePackWriter) {
    writer.writeMapHeader(1)
    writer.field("path", path)
  }
}

/// `FsRemove {path, recursive}`.
public struct FsRemove: WirePayload, Equatable, Sendable {
  public static let type = MessageType.fsRemove

  public var path: String
  /// Absent means false.
  public var recursive: Bool

  public init(path: String, recursive: Bool = false) {
    self.path = path
    self.recursive = recursive
  }

  public static func decode(_ payload: UnsafeRawBufferPointer) throws(ProtocolError) -> FsRemove {
    let fields = try FieldReader(payload, "path", "recursive")
    return FsRemove(
      path: try fields.cString("path"),
      recursive: try fields.optionalBool("recursive") ?? false)
  }

  public func write(into writer: inout MessagePackWriter) {
    writer.writeMapHeader(2)
    writer.field("path", path)
    writer.field("recursive", recursive)
  }
}
