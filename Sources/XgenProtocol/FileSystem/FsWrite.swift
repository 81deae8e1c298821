/// `FsWrite {path, content, mode?}`.
public struct FsWrite: WirePayload {
  public static let type = MessageType.fsWrite

  /// As the client wrote it; see `WorkspacePath`.
  public var path: String
  /// Borrowed from the payload it was decoded from.
  public var content: UnsafeRawBufferPointer
  /// Permission bits, at most `07777`.
  public var mode: UInt32?

  public init(path: String, content: UnsafeRawBufferPointer, mode: UInt32? = nil) {
    self.path = path
    self.content = content
    self.mode = mode
  }

  /// Content must be there, but may be nil: Go writes a nil slice, an empty file, as nil.
  public static func decode(_ payload: UnsafeRawBufferPointer) throws(ProtocolError) -> FsWrite {
    let fields = try FieldReader(payload, "path", "content", "mode")
    let path = try fields.cString("path")
    let mode: UInt32? = try fields.optionalInteger("mode")
    guard mode ?? 0 <= WireLimits.maxFileMode else { throw .invalidField("mode", .outOfRange) }
    guard fields.contains("content") else { throw .missingField("content") }
    let content = try fields.optional("content") { (value) throws(FieldFault) in
      try value.binary()
    }
    let empty = UnsafeRawBufferPointer(start: nil, count: 0)
    return FsWrite(path: path, content: content ?? empty, mode: mode)
  }

  public func write(into writer: inout MessagePackWriter) {
    writer.writeMapHeader(mode == nil ? 2 : 3)
    writer.field("path", path)
    writer.write("content")
    writer.writeBinary(content)
    if let mode { writer.field("mode", mode) }
  }
}
