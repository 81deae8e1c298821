@testable import XgenProtocol

/// One valid payload of a type, as bytes.
struct Sample {
  let type: any WirePayload.Type
  let bytes: [UInt8]

  init(_ payload: some WirePayload) {
    type = Swift.type(of: payload)
    bytes = payload.encode()
  }

  /// Every payload type at least once, with its optional fields and without.
  static func all() -> [Sample] {
    control() + exec() + extensions() + files()
  }

  private static func control() -> [Sample] {
    [
      Sample(ErrorPayload(code: .channelInUse, message: "channel 7 is in use")),
      Sample(SandboxError(code: "oom", message: "out of memory")),
      Sample(SandboxStats(cpuPercent: 12.5, memoryBytes: 1 << 33, diskUsedBytes: 70_000)),
      Sample(PortOpen(port: 3000)), Sample(PortClose(port: 65_535)),
    ]
  }

  private static func exec() -> [Sample] {
    [
      Sample(ExecStart(command: "ls")),
      Sample(fullStart), Sample(ExecAck(processID: 70_000, channel: 0xffff_ffff)),
      Sample(ExecAck(processID: 1, channel: 101, execID: "s3cret")),
      Sample(ExecExit(exitCode: -1)), Sample(ExecExit(exitCode: 137)),
      Sample(ExecSignal(signal: .terminate)),
      Sample(ExecSignal(processID: 9, signal: SignalNumber(rawValue: 64)!)),
      Sample(ExecResize(cols: 80, rows: 24)),
      Sample(ExecResize(processID: 300, cols: 65_535, rows: 1)),
      stdin(processID: 0, "hello"),
    ]
  }

  private static func extensions() -> [Sample] {
    [
      Sample(ExecStdinClose(processID: 7)),
      Sample(ExecAttach(execID: "s3cret", stdoutOffset: 1 << 40, stderrOffset: 0)),
      Sample(ExecAttachAck(stdoutLost: 1, stderrLost: 2)),
      Sample(ExecList()),
      Sample(
        ExecListReply(entries: [
          ExecListEntry(
            execID: "a", processID: 1, channel: 2, command: "sh", startedAt: 1_700_000_000,
            running: true),
          ExecListEntry(
            execID: "b", processID: 3, channel: 4, command: "ls", startedAt: -5,
            running: false, exitCode: 2),
        ])),
    ]
  }

  private static func files() -> [Sample] {
    [
      Sample(FsRead(path: "src/main.swift")), Sample(FsList(path: "/")),
      Sample(FsRemove(path: "old", recursive: true)), Sample(FsWatch(path: ".")),
      Sample(FsWatch(path: "src", unwatch: true)),
      Sample(FsEvent(path: "src/a", change: .deleted)),
      write(path: "a.bin", [0, 1, 2, 0xff], mode: 0o644),
      Sample(
        FsListReply(entries: [
          FsEntry(name: "src", size: 4096, isDirectory: true, modifiedAt: 1_700_000_000),
          FsEntry(name: "ü", size: 0, isDirectory: false, modifiedAt: 0),
        ])),
    ]
  }

  static let fullStart = ExecStart(
    command: "bash", args: ["-l", "", "ünï"], env: ["A": "1", "B": ""], cwd: "/src", tty: true,
    cols: 80, rows: 24, resumable: true, detachSeconds: 60)

  static func stdin(processID: UInt32, _ text: String) -> Sample {
    Array(text.utf8).withUnsafeBytes { Sample(ExecStdin(processID: processID, data: $0)) }
  }

  static func write(path: String, _ content: [UInt8], mode: UInt32?) -> Sample {
    content.withUnsafeBytes { Sample(FsWrite(path: path, content: $0, mode: mode)) }
  }
}

/// Lends `bytes` from an allocation of exactly their size, so that AddressSanitizer sees a read
/// beyond them.
func withExactBytes<T>(
  _ bytes: some Collection<UInt8>, _ body: (UnsafeRawBufferPointer) throws -> T
) rethrows -> T {
  let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 1)
  defer { buffer.deallocate() }
  buffer.copyBytes(from: bytes)
  return try body(UnsafeRawBufferPointer(buffer))
}

/// Decodes a payload that borrows nothing.
func decode<Payload: WirePayload>(
  _ type: Payload.Type, _ bytes: [UInt8]
) throws -> Payload {
  try withExactBytes(bytes) { try Payload.decode($0) }
}

func decode<Payload: WirePayload>(_ bytes: [UInt8]) throws -> Payload {
  try decode(Payload.self, bytes)
}

/// What a client's MessagePack library would write.
indirect enum Value {
  case none
  case bool(Bool)
  case int(Int64)
  case float(Double)
  case text(String)
  case binary([UInt8])
  case list([Value])
  case map([(String, Value)])

  var bytes: [UInt8] {
    var writer = MessagePackWriter()
    write(into: &writer)
    return writer.bytes
  }

  private func write(into writer: inout MessagePackWriter) {
    switch self {
    case .none: writer.writeNil()
    case .bool(let value): writer.write(value)
    case .int(let value): writer.write(value)
    case .float(let value): writer.write(value)
    case .text(let value): writer.write(value)
    case .binary(let value): value.withUnsafeBytes { writer.writeBinary($0) }
    case .list(let values):
      writer.writeArrayHeader(values.count)
      for value in values { value.write(into: &writer) }
    case .map(let pairs):
      writer.writeMapHeader(pairs.count)
      for (key, value) in pairs {
        writer.write(key)
        value.write(into: &writer)
      }
    }
  }
}

extension Value: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral,
  ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
  init(stringLiteral value: String) { self = .text(value) }
  init(integerLiteral value: Int64) { self = .int(value) }
  init(booleanLiteral value: Bool) { self = .bool(value) }
  init(arrayLiteral values: Value...) { self = .list(values) }
  init(dictionaryLiteral pairs: (String, Value)...) { self = .map(pairs) }
}
