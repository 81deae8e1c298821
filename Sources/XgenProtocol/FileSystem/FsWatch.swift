/// `FsWatch {path, unwatch?}`: begin, or end, to report changes below a path.
public struct FsWatch: WirePayload, Equatable, Sendable {
  public static let type = MessageType.fsWatch

  public var path: String
  public var unwatch: Bool

  public init(path: String, unwatch: Bool = false) {
    self.path = path
    self.unwatch = unwatch
  }

  public static func decode(_ payload: UnsafeRawBufferPointer) throws(ProtocolError) -> FsWatch {
    let fields = try FieldReader(payload, "path", "unwatch")
    return FsWatch(
      path: try fields.cString("path"), unwatch: try fields.optionalBool("unwatch") ?? false)
  }

  public func write(into writer: inout MessagePackWriter) {
    writer.writeMapHeader(unwatch ? 2 : 1)
    writer.field("path", path)
    if unwatch { writer.field("unwatch", true) }
  }
}

/// `FsEvent {path, type}`: something below a watched path changed.
public struct FsEvent: WirePayload, Equatable, Sendable {
  public static let type = MessageType.fsEvent

  public enum Change: String, Sendable, CaseIterable {
    case created, modified, deleted
  }

  /// Relative to the workspace.
  public var path: String
  public var change: Change

  public init(path: String, change: Change) {
    self.path = path
    self.change = change
  }

  public static func decode(_ payload: UnsafeRawBufferPointer) throws(ProtocolError) -> FsEvent {
    let fields = try FieldReader(payload, "path", "type")
    let path = try fields.cString("path")
    guard let change = Change(rawValue: try fields.string("type")) else {
      throw .invalidField("type", .unrecognized)
    }
    return FsEvent(path: path, change: change)
  }

  public func write(into writer: inout MessagePackWriter) {
    writer.writeMapHeader(2)
    writer.field("path", path)
    writer.field("type", change.rawValue)
  }
}
